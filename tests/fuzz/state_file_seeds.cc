// Writes the seeds of state_file_fuzz: records as the store and the topology state write them, and some broken ones.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "native/state_store/state_file.h"
#include "proto/state.pb.h"

namespace {

void write(const std::string& directory, const char* name, const std::string& bytes) {
  std::filesystem::create_directories(directory + "/state_file_fuzz");
  std::ofstream(directory + "/state_file_fuzz/" + name, std::ios::binary) << bytes;
}

std::string base_record() {
  petrel::proto::TopologyBase base;
  base.set_topology_id("words-1-1700000000");
  base.set_name("words");
  base.set_status(petrel::proto::STATUS_ACTIVE);
  base.set_secret(std::string(32, 's'));
  base.add_artifacts()->set_name("stormjar.jar");
  base.add_specs()->set_container_id(1);
  return base.SerializeAsString();
}

std::string plan_record() {
  petrel::proto::PhysicalPlan plan;
  plan.set_epoch(1);
  petrel::proto::Component& component = *plan.mutable_logical()->add_components();
  component.set_name("split");
  component.add_streams()->add_fields("word");
  component.add_inputs()->set_component("lines");
  plan.mutable_packing()->add_containers()->add_executors()->set_component("split");
  return plan.SerializeAsString();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: state_file_seeds <corpus directory>\n");
    return 2;
  }
  const std::string directory = argv[1];
  const std::string base = petrel::encode_state_file({7, "topologies/words-1-1700000000/base", "", base_record()});
  write(directory, "base", base);
  write(directory, "plan", petrel::encode_state_file({8, "topologies/words-1-1700000000/plan", "", plan_record()}));
  write(directory, "ephemeral", petrel::encode_state_file({9, "t/master", "12-00ff00ff00ff00ff", "\x0a\x09"}));
  write(directory, "smallest", petrel::encode_state_file({1, "p", "", ""}));
  write(directory, "truncated", base.substr(0, base.size() / 2));
  std::string newer = base;
  newer[8] = 2;
  write(directory, "newer_format", newer);
  std::string flipped = base;
  flipped[50] = static_cast<char>(flipped[50] ^ 1);
  write(directory, "flipped", flipped);
  return 0;
}
