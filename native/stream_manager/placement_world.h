// For tests: three containers of one topology over real hellos, on a network in memory, with both placements of the
// stream manager.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/links/fake_net.h"
#include "native/links/host_endpoint.h"
#include "native/links/link_client.h"
#include "native/links/loop_link.h"
#include "native/stream_manager/stream_manager.h"

namespace petrel::testing {

inline const std::string kTopologySecret(32, 's');

struct TestHost : EndpointHandler, LinkClientHandler {
  void on_section(const InSection& section) override {
    got.emplace_back(section.bytes);
    endpoint->consumed(section.flow, section.bytes.size());
  }
  void on_credit(const std::vector<int32_t>& executors) override { credits += executors.size(); }
  void on_acks(std::string_view records) override { acks += records.size() / sizeof(AckRecord); }
  void on_host_lost(uint32_t slot, uint32_t number) override { lost.emplace_back(slot, number); }
  void on_links_up(uint64_t epoch) override { links_up = epoch; }
  void on_link(std::unique_ptr<FrameLink> link) override { endpoint->attach(std::move(link)); }
  void on_refused(const Status& reason) override { refused.push_back(reason.message()); }

  std::vector<std::string> got;
  std::vector<std::pair<uint32_t, uint32_t>> lost;
  std::vector<std::string> refused;
  size_t credits = 0;
  size_t acks = 0;
  uint64_t links_up = 0;
  std::unique_ptr<HostEndpoint> endpoint;
  std::unique_ptr<LinkClient> client;
};

/// Container 1: slots 0 and 1, a stream manager process. Containers 2 and 3: slots 2 and 3, in host.
class Placement : public ::testing::Test {
 protected:
  Placement() {
    auto table = std::make_shared<RouteTable>();
    table->epoch = 1;
    table->tasks = {{}, {1, 0}, {2, 1}, {3, 2}, {4, 3}};
    table->hosts = {{0, 1}, {1, 1}, {2, 2}, {3, 3}};
    routes_ = table;
    for (int container : {1, 2, 3}) start_manager(container);
    for (uint32_t slot = 0; slot < 4; ++slot) start_host(slot, 1);
    tell_peers();
  }
  ~Placement() override {
    for (TestHost& host : hosts_) host.client.reset();
    for (TestHost& host : hosts_) host.endpoint.reset();
    managers_.clear();
    net_.run();
  }

  void start_manager(int container, uint32_t incarnation = 1) {
    StreamManagerOptions options;
    options.container = container;
    options.incarnation = incarnation;
    options.topology_id = "words-1-2";
    options.secret = kTopologySecret;
    options.random_bytes = [](size_t n) { return std::string(n, 'r'); };
    if (container == 1) options.unix_endpoint = {"@petrel-test", 1};
    auto& manager = managers_[container];
    manager = std::make_unique<StreamManager>(net_, options);
    ASSERT_TRUE(manager->start().ok());
    manager->set_routes(routes_);
    at_[container] = {container, incarnation, manager->tcp_endpoint(), {}, container != 1};
  }
  void tell_peers() {
    std::vector<StreamManager::PeerEndpoint> all;
    for (const auto& [container, at] : at_) all.push_back(at);
    for (auto& [container, manager] : managers_) manager->set_peers(all);
  }
  void start_host(uint32_t slot, uint32_t incarnation) {
    TestHost& host = hosts_[slot];
    host.endpoint = std::make_unique<HostEndpoint>(net_, HostEndpointOptions{slot, incarnation, {}}, host);
    host.endpoint->set_routes(routes_);
    host.endpoint->add_executor(static_cast<int32_t>(slot) + 1, 1 << 20);
    const int32_t container = routes_->hosts[slot].container;
    if (container != 1) {
      LinkPeer self;
      self.container = container;
      self.slot = slot;
      self.incarnation = incarnation;
      LinkPeer manager;
      manager.role = LinkRole::kStreamManager;
      manager.container = container;
      auto [its, mine] = make_loop_link(net_, manager, self);  // each sees the other
      managers_.at(container)->add_local(std::move(its));
      host.endpoint->attach(std::move(mine));
      return;
    }
    LinkClientOptions options;
    options.identity = LinkIdentity{"words-1-2", kTopologySecret, LinkRole::kHost, container, slot, incarnation};
    options.random_bytes = [](size_t n) { return std::string(n, 'q'); };
    host.client =
        std::make_unique<LinkClient>(net_, options, [] { return std::vector{Endpoint{"@petrel-test", 1}}; }, host);
    host.client->start();
  }
  /// The process of an in_host container ends.
  void kill_container(int container) {
    const auto slot = static_cast<uint32_t>(container);
    hosts_[slot].endpoint.reset();
    managers_.erase(container);
  }
  bool settle(const std::function<bool()>& done) { return net_.run_until(done, Seconds(30)); }
  bool all_up() {
    return settle([this] {
      for (const TestHost& host : hosts_) {
        if (host.links_up != 1) return false;
      }
      return true;
    });
  }
  Admit offer(uint32_t from, int32_t task, const std::string& text) {
    OutSection section;
    section.source_task = static_cast<int32_t>(from) + 1;
    section.destination_task = task;
    section.count = 1;
    section.bytes = text;
    return hosts_[from].endpoint->offer(section.source_task, std::move(section));
  }

  FakeReactor net_;
  std::shared_ptr<const RouteTable> routes_;
  std::map<int, std::unique_ptr<StreamManager>> managers_;
  std::map<int, StreamManager::PeerEndpoint> at_;
  TestHost hosts_[4];
};

}  // namespace petrel::testing
