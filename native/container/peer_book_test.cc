#include "native/container/peer_book.h"

#include <gtest/gtest.h>

#include "native/container/container_paths.h"
#include "native/container/link_sample.h"

namespace petrel {
namespace {

proto::DataEndpoints endpoints(std::vector<std::tuple<int32_t, uint32_t, int32_t>> rows) {
  proto::DataEndpoints out;
  for (const auto& [container, incarnation, port] : rows) {
    proto::DataEndpoint& endpoint = *out.add_endpoints();
    endpoint.set_container_id(container);
    endpoint.set_incarnation(incarnation);
    endpoint.set_host("127.0.0.1");
    endpoint.set_port(port);
  }
  return out;
}

PackingPlan plan_of(const std::vector<int32_t>& containers) {
  PackingPlan plan;
  for (int32_t id : containers) plan.containers.push_back(ContainerPlan{id, "h", 1, {}, {}, {}});
  return plan;
}

TEST(PeerBook, MergesNewsAndForgetsNobody) {
  PeerBook book(1);
  EXPECT_FALSE(book.take(endpoints({{2, 1, 4000}})));  // no plan yet: nobody is known
  book.set_plan(plan_of({1, 2, 3}));
  EXPECT_TRUE(book.take(endpoints({{1, 1, 3999}, {2, 1, 4000}, {9, 1, 4009}})));
  ASSERT_EQ(book.peers().size(), 1u);  // without ourselves and strangers
  EXPECT_EQ(book.peers()[0].endpoint.port, 4000);
  EXPECT_TRUE(book.take(endpoints({{3, 5, 4003}})));
  EXPECT_EQ(book.peers().size(), 2u);
  EXPECT_FALSE(book.take(endpoints({{3, 5, 4003}})));
  EXPECT_FALSE(book.take(endpoints({{3, 4, 4444}})));  // of an earlier life
  EXPECT_TRUE(book.take(endpoints({{3, 6, 4006}})));
  EXPECT_EQ(book.peers()[1].endpoint.port, 4006);
  EXPECT_EQ(book.peers()[1].incarnation, 6u);
  EXPECT_FALSE(book.take(endpoints({{2, 9, 70000}, {2, 9, 0}})));
  book.set_plan(plan_of({1, 2}));
  EXPECT_EQ(book.peers().size(), 1u);
  EXPECT_EQ(book.to_proto().endpoints_size(), 1);
}

TEST(LinkSample, SumsWhatWasSentAndWhatWasTaken) {
  RouteTable routes;
  routes.hosts = {{0, 1}, {1, 1}, {2, 2}};
  proto::LinkSample sample;
  StreamManagerCounters counters;
  counters.pairs[{2, 1}] = {.frames = 3, .sections = 4, .tuples = 99, .bytes = 500};
  counters.lease_delays[1] = {7, 2};
  add_sent(counters, 2, sample);
  add_accepted({{0, 10}, {1, 20}, {2, 5}, {7, 1}}, routes, 2, sample);
  ASSERT_EQ(sample.pairs_size(), 3);
  EXPECT_EQ(sample.pairs(0).frames(), 3u);
  EXPECT_EQ(sample.pairs(0).tuples(), 0u);  // the receiver counts them
  EXPECT_EQ(sample.pairs(1).from_container(), 1);
  EXPECT_EQ(sample.pairs(1).to_container(), 2);
  EXPECT_EQ(sample.pairs(1).tuples(), 30u);
  ASSERT_EQ(sample.pairs(1).lease_delays_size(), static_cast<int>(LeaseDelays::kClasses));
  EXPECT_EQ(sample.pairs(1).lease_delays(0), 7u);
  EXPECT_EQ(sample.pairs(1).lease_delays(1), 2u);
  EXPECT_EQ(sample.pairs(2).tuples(), 5u);
}

TEST(DataSocketName, IsShortAndOneForEachContainer) {
  const std::string long_id(190, 'x');
  const std::string one = data_socket_name("/home/a/run/containers/" + long_id + "/1/container.spec");
  EXPECT_LE(one.size(), 107u);
  EXPECT_EQ(one[0], '@');
  EXPECT_NE(one, data_socket_name("/home/a/run/containers/" + long_id + "/2/container.spec"));
  EXPECT_NE(one, data_socket_name("/home/b/run/containers/" + long_id + "/1/container.spec"));
  EXPECT_EQ(one, data_socket_name("/home/./a/run/containers/" + long_id + "/1/container.spec"));
}

}  // namespace
}  // namespace petrel
