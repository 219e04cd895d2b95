#include "storm-compat/thrift/nimbus_client.h"

#include <thrift/TApplicationException.h>
#include <thrift/TConfiguration.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSocket.h>

#include "Nimbus.h"
#include "native/base/escape.h"

namespace petrel {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::TConfiguration;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TFramedTransport;
using apache::thrift::transport::TSocket;
using apache::thrift::transport::TTransportException;

constexpr size_t kMaxSaid = 4000;  // of what a server says, for the terminal

std::string spell(const NimbusEndpoint& endpoint) {
  return fmt::format("{}:{}", endpoint.host, endpoint.port);
}

Status from_transport(const TTransportException& e) {
  StatusCode code = e.getType() == TTransportException::TIMED_OUT ? StatusCode::kTimeout : StatusCode::kUnavailable;
  return Status(code, escape(e.what()));
}

/// What `body` throws, as a Status.
Status guarded(const std::function<void()>& body) {
  auto said = [](StatusCode code, const std::string& message) { return Status(code, escape(message, kMaxSaid)); };
  try {
    body();
    return Status();
  } catch (const storm::NotAliveException& e) {
    return said(StatusCode::kNotFound, e.msg);
  } catch (const storm::KeyNotFoundException& e) {
    return said(StatusCode::kNotFound, e.msg);
  } catch (const storm::AlreadyAliveException& e) {
    return said(StatusCode::kAlreadyExists, e.msg);
  } catch (const storm::KeyAlreadyExistsException& e) {
    return said(StatusCode::kAlreadyExists, e.msg);
  } catch (const storm::InvalidTopologyException& e) {
    return said(StatusCode::kMalformed, e.msg);
  } catch (const storm::AuthorizationException& e) {
    return said(StatusCode::kDenied, e.msg);
  } catch (const TTransportException& e) {
    return from_transport(e);
  } catch (const std::exception& e) {
    return said(StatusCode::kInternal, e.what());
  }
}

}  // namespace

struct NimbusClient::Connection {
  NimbusEndpoint endpoint;
  std::shared_ptr<TFramedTransport> transport;
  std::unique_ptr<storm::NimbusClient> client;

  static Result<std::unique_ptr<Connection>> open(const NimbusEndpoint& endpoint, const NimbusClientOptions& options) {
    auto connection = std::make_unique<Connection>();
    connection->endpoint = endpoint;
    Status opened = guarded([&] {
      int limit = static_cast<int>(std::min<uint32_t>(options.max_answer_bytes, 0x7fffffff));
      auto configuration = std::make_shared<TConfiguration>(limit, limit);
      auto socket = std::make_shared<TSocket>(endpoint.host, endpoint.port, configuration);
      socket->setConnTimeout(static_cast<int>(options.connect_timeout.count()));
      socket->setRecvTimeout(static_cast<int>(options.call_timeout.count()));
      socket->setSendTimeout(static_cast<int>(options.call_timeout.count()));
      connection->transport = std::make_shared<TFramedTransport>(socket, configuration);
      auto protocol = std::make_shared<TBinaryProtocol>(connection->transport, limit, limit, false, true);
      connection->client = std::make_unique<storm::NimbusClient>(protocol);
      connection->transport->open();
    });
    if (!opened.ok()) return opened.with_context("connect to Nimbus at {}", spell(endpoint));
    return connection;
  }
};

NimbusClient::NimbusClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
NimbusClient::~NimbusClient() = default;
const NimbusEndpoint& NimbusClient::endpoint() const {
  return connection_->endpoint;
}

Result<std::unique_ptr<NimbusClient>> NimbusClient::connect(const std::vector<NimbusEndpoint>& seeds,
                                                            const NimbusClientOptions& options) {
  Status last = Status::malformed("no Nimbus to connect to; set nimbus.seeds");
  for (const NimbusEndpoint& seed : seeds) {
    auto opened = Connection::open(seed, options);
    if (!opened.ok()) {
      last = opened.status();
      continue;
    }
    std::unique_ptr<NimbusClient> client(new NimbusClient(std::move(opened).value()));
    if (!options.follow_leader) return client;
    storm::NimbusSummary leader;
    last = client->call([&](storm::NimbusClient& nimbus) { nimbus.getLeader(leader); });
    if (!last.ok()) {
      last = last.with_context("ask Nimbus at {} for the leader", spell(seed));
      continue;
    }
    if (leader.host == seed.host && leader.port == seed.port) return client;
    if (leader.port < 1 || leader.port > 65535) {
      last = Status::malformed("Nimbus at {} names a leader with port {}", spell(seed), leader.port);
      continue;
    }
    auto followed = Connection::open({leader.host, static_cast<uint16_t>(leader.port)}, options);
    if (followed.ok()) return std::unique_ptr<NimbusClient>(new NimbusClient(std::move(followed).value()));
    last = followed.status().with_context("follow the leader that {} names", spell(seed));
  }
  return last;
}

Status NimbusClient::call(const std::function<void(storm::NimbusClient&)>& body) {
  return guarded([&] { body(*connection_->client); });
}

}  // namespace petrel
