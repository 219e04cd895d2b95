// NimbusFixture: the Nimbus service over a memory store, a scheduler that only remembers, silent topology masters and a
// clock that stands still, for tests. Not part of the library.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "native/base/escape.h"
#include "native/base/rng.h"
#include "native/state_store/memory_store.h"
#include "storm-compat/nimbus/nimbus_service.h"

namespace petrel::testing {

/// A folder that goes with the object.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "petrel-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void put_little(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
}

/// A zip with stored entries (name, content).
inline std::string make_zip(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out, directory;
  for (const auto& [name, content] : entries) {
    const size_t offset = out.size();
    std::string common;  // from "version needed" on, the same in both headers
    put_little(common, 20, 2);
    put_little(common, 0, 2 + 2 + 2 + 2 + 4);  // flags, method stored, time, date, crc
    put_little(common, content.size(), 4);
    put_little(common, content.size(), 4);
    put_little(common, name.size(), 2);
    put_little(common, 0, 2);
    out += "PK\x03\x04" + common + name + content;
    directory += "PK\x01\x02";
    put_little(directory, 20, 2);
    directory += common;
    put_little(directory, 0, 2 + 2 + 2 + 4);
    put_little(directory, offset, 4);
    directory += name;
  }
  const size_t start = out.size();
  out += directory + "PK\x05\x06";
  put_little(out, 0, 4);
  put_little(out, entries.size(), 2);
  put_little(out, entries.size(), 2);
  put_little(out, directory.size(), 4);
  put_little(out, start, 4);
  put_little(out, 0, 2);
  return out;
}

inline std::string sample_jar() {
  return make_zip({{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n"}, {"a/Main.class", "x"}});
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Remembers; containers live until told otherwise.
class FakeScheduler : public Scheduler {
 public:
  Status launch(const std::vector<proto::ContainerSpec>& specs) override {
    if (fail_launch) return Status(StatusCode::kIo, "no space for specs");
    ++launches;
    for (const auto& spec : specs)
      running.insert(ContainerRef{TopologyId(spec.topology_id()), ContainerId(spec.container_id())});
    return Status();
  }
  Status kill(const TopologyId& topology) override {
    killed.insert(topology.get());
    if (!linger) std::erase_if(running, [&](const ContainerRef& ref) { return ref.topology == topology; });
    return Status();
  }
  Status restart(const TopologyId&, ContainerId) override { return Status(); }
  Result<std::vector<ContainerRef>> list() override {
    return std::vector<ContainerRef>(running.begin(), running.end());
  }
  Result<std::vector<ContainerRef>> living(const TopologyId& topology) override {
    std::vector<ContainerRef> out;
    for (const ContainerRef& ref : running) {
      if (ref.topology == topology) out.push_back(ref);
    }
    return out;
  }

  std::set<ContainerRef> running;
  std::set<std::string> killed;
  int launches = 0;
  bool fail_launch = false;
  bool linger = false;  // processes take their time to end
};

class FakeMasters : public MasterLink {
 public:
  Result<proto::StatsReply> stats(const proto::TopologyBase&) override { return reply; }
  void status_changed(const proto::TopologyBase& topology) override { told.push_back(topology.status()); }

  Result<proto::StatsReply> reply = Status(StatusCode::kUnavailable, "no master");
  std::vector<proto::TopologyStatus> told;
};

/// A Nimbus process: everything but what outlives it (World).
struct World {
  TempDir dir;
  ManualClock clock;
  MemoryStore store;
  FakeScheduler scheduler;
  FakeMasters masters;
  Settings settings;
  AccessRules access;

  World() {
    settings.home = dir.path().string();
    settings.local_dir = settings.home + "/local";
    settings.log_dir = settings.home + "/logs";
    settings.nimbus_host = "localhost";
    settings.nimbus_port = 6627;
    settings.slots_ports = {6700, 6701};
  }
};

struct Nimbus {
  explicit Nimbus(World& w, UploadLimits limits = {})
      : world(w),
        artifacts(ArtifactStore::open(w.dir.path() / "artifacts").value()),
        uploads(w.dir.path() / "uploads/jars", limits, w.clock, [this] { return token(); }),
        blob_uploads(w.dir.path() / "uploads/blobs", limits, w.clock, [this] { return token(); }),
        blobs(w.store, artifacts, blob_uploads, w.clock, [this] { return token(); }),
        book(w.store, w.scheduler, artifacts, w.masters, w.clock),
        builder(w.settings, artifacts, blobs, w.clock, [](size_t n) { return system_random_bytes(n); }),
        parts{w.settings, w.access, w.clock,   w.store, artifacts,        uploads,
              blobs,      book,     w.masters, builder, w.clock.wall_ms()},
        service(parts) {
    EXPECT_TRUE(uploads.open().ok());
    EXPECT_TRUE(blob_uploads.open().ok());
    book.keep_also([this] { return blobs.digests(); });
    EXPECT_TRUE(book.load().ok());
  }

  static std::string token() { return to_hex(system_random_bytes(16)); }

  /// A finished upload of these bytes.
  std::string upload(const std::string& bytes = sample_jar()) {
    std::string location;
    service.beginFileUpload(location);
    for (size_t at = 0; at < bytes.size(); at += 1000) service.uploadChunk(location, bytes.substr(at, 1000));
    service.finishFileUpload(location);
    return location;
  }
  void submit(const std::string& name, const storm::StormTopology& topology, const std::string& conf = "{}") {
    service.submitTopology(name, upload(), conf, topology);
  }
  storm::TopologySummary summary(const std::string& name) {
    storm::TopologySummary out;
    service.getTopologySummaryByName(out, name);
    return out;
  }
  std::string status(const std::string& name) { return summary(name).status; }
  size_t artifact_files() const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.dir.path() / "artifacts"))
      files += entry.is_regular_file();
    return files;
  }

  World& world;
  ArtifactStore artifacts;
  UploadStore uploads;
  UploadStore blob_uploads;
  BlobStore blobs;
  TopologyBook book;
  SubmissionBuilder builder;
  NimbusParts parts;
  NimbusService service;
};

/// words (2 executors) -> count (fields grouping, 3 executors, 4 tasks).
inline storm::StormTopology word_topology() {
  storm::StormTopology topology;
  storm::SpoutSpec& spout = topology.spouts["words"];
  spout.spout_object.__set_serialized_java(std::string("\xac\xed\x00\x05", 4) + "spout bytes");
  spout.common.streams["default"].output_fields = {"word"};
  spout.common.__set_parallelism_hint(2);
  storm::Bolt& bolt = topology.bolts["count"];
  bolt.bolt_object.__set_serialized_java(std::string("\xac\xed\x00\x05", 4) + "bolt bytes");
  bolt.common.__set_parallelism_hint(3);
  bolt.common.__set_json_conf(R"({"topology.tasks": 4})");
  storm::GlobalStreamId source;
  source.componentId = "words";
  source.streamId = "default";
  bolt.common.inputs[source].__set_fields({"word"});
  topology.__set_storm_version("2.8.3");
  return topology;
}

/// Runs `body` and returns the message of the exception, which must be of type E.
template <typename E, typename Body>
std::string message_of(Body body) {
  try {
    body();
  } catch (const E& exception) {
    if constexpr (requires { exception.msg; }) {
      return exception.msg;
    } else {
      return exception.what();
    }
  } catch (const std::exception& other) {
    ADD_FAILURE() << "another exception: " << other.what();
    return "";
  }
  ADD_FAILURE() << "no exception";
  return "";
}

}  // namespace petrel::testing
