#include "storm-compat/nimbus/nimbus_main.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/rng.h"
#include "native/container/container_paths.h"
#include "native/scheduler/local_scheduler.h"
#include "native/state_store/store_registry.h"
#include "native/transport/address.h"
#include "storm-compat/nimbus/nimbus_service.h"
#include "storm-compat/thrift/framed_server.h"

namespace petrel {
namespace {

const Logger logger("nimbus");
constexpr int kTickMs = 200;

std::string random_token() {
  return to_hex(system_random_bytes(16));
}

UploadLimits upload_limits(const Settings& settings) {
  UploadLimits limits;
  limits.max_upload_bytes = settings.upload_max_bytes;
  limits.max_total_bytes = settings.upload_quota_bytes;
  limits.idle_expiry = Seconds(settings.upload_expiry_s);
  return limits;
}

/// Everything that NimbusParts refers to, in the order in which it is needed.
struct Daemon {
  Settings settings;
  AccessRules access;
  SystemClock& clock = SystemClock::instance();
  std::unique_ptr<StateStore> store;
  std::unique_ptr<ArtifactStore> artifacts;
  std::unique_ptr<LocalScheduler> scheduler;
  std::unique_ptr<MasterLink> masters;
  std::unique_ptr<UploadStore> uploads;
  std::unique_ptr<UploadStore> blob_uploads;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<TopologyBook> book;
  std::unique_ptr<SubmissionBuilder> builder;
  std::unique_ptr<NimbusParts> parts;
  std::unique_ptr<FramedServer> server;

  Status open();
  Status serve();
  void tick();
};

Status Daemon::open() {
  access.allow_remote = settings.nimbus_allow_remote;
  ASSIGN_OR_RETURN(store, open_store("file:" + settings.home + "/state", nullptr));
  ASSIGN_OR_RETURN(ArtifactStore opened, ArtifactStore::open(settings.home + "/artifacts"));
  artifacts = std::make_unique<ArtifactStore>(std::move(opened));
  scheduler = std::make_unique<LocalScheduler>(settings.home);
  masters = std::make_unique<ControlMasterLink>(*store, clock);
  uploads =
      std::make_unique<UploadStore>(settings.home + "/uploads/jars", upload_limits(settings), clock, random_token);
  blob_uploads =
      std::make_unique<UploadStore>(settings.home + "/uploads/blobs", upload_limits(settings), clock, random_token);
  RETURN_IF_ERROR(uploads->open());
  RETURN_IF_ERROR(blob_uploads->open());
  blobs = std::make_unique<BlobStore>(*store, *artifacts, *blob_uploads, clock, random_token);
  book = std::make_unique<TopologyBook>(*store, *scheduler, *artifacts, *masters, clock);
  book->keep_also([this] { return blobs->digests(); });
  RETURN_IF_ERROR(book->load());
  builder = std::make_unique<SubmissionBuilder>(settings, *artifacts, *blobs, clock, system_random_bytes);
  parts = std::make_unique<NimbusParts>(NimbusParts{settings, access, clock, *store, *artifacts, *uploads, *blobs,
                                                    *book, *masters, *builder, clock.wall_ms()});
  return Status();
}

Status Daemon::serve() {
  if (Status bind = check_listen_address(settings.bind_address); !bind.ok()) {
    return bind.with_context("petrel.bind.address");
  }
  const std::string& host = settings.nimbus_host;
  const bool local = host == "localhost" || is_loopback(host);
  if (!local && !access.allow_remote) {
    return Status::malformed(
        "nimbus.host '{}' is reachable from other machines, and nobody proves who they are on this port; set it "
        "to localhost, or petrel.nimbus.allow.remote to true if you want that",
        escape(host));
  }
  if (!local) {
    logger.warn("LISTENING ON {} WITHOUT AUTHENTICATION: whoever reaches port {} can run code on this machine",
                escape(host), settings.nimbus_port);
  }
  FramedServerOptions options;
  options.max_frame_bytes = static_cast<uint32_t>(settings.nimbus_max_frame_bytes);
  options.max_connections = static_cast<int>(settings.nimbus_max_connections);
  const auto service = std::make_shared<NimbusService>(*parts);
  server = std::make_unique<FramedServer>(std::make_shared<storm::NimbusProcessor>(service), options, clock);
  const auto port = static_cast<uint16_t>(settings.nimbus_port);
  RETURN_IF_ERROR(server->start(host, port).with_context("nimbus port {}:{}", host, port));
  settings.nimbus_port = server->port();  // port 0 took a free one
  logger.info("listening on {}:{}, home {}", host, server->port(), settings.home);
  return Status();
}

void Daemon::tick() {
  book->tick();
  uploads->expire();
  blob_uploads->expire();
}

/// One Nimbus per home: two would hand out the same counters and undo each other's work.
Result<int> lock_home(const std::string& home) {
  std::error_code error;
  std::filesystem::create_directories(home + "/run", error);
  const std::string path = home + "/run/nimbus-service.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Status::from_errno(errno, "open " + path);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return Status::error(StatusCode::kAlreadyExists, "another Nimbus runs on {}", home);
}

int signal_descriptor() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts
  ::signal(SIGPIPE, SIG_IGN);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

}  // namespace

int nimbus_main(const Settings& settings) {
  const int signals = signal_descriptor();
  const Result<int> lock = lock_home(settings.home);
  if (!lock.ok()) {
    logger.error("{}", lock.status().message());
    return lock.status().code() == StatusCode::kAlreadyExists ? 3 : 1;
  }
  Daemon daemon;
  daemon.settings = settings;
  Status status = daemon.open();
  if (status.ok()) status = daemon.serve();
  if (!status.ok()) {
    logger.error("cannot start: {}", status.message());
    return 1;
  }
  pollfd wait{signals, POLLIN, 0};
  while (::poll(&wait, 1, kTickMs) <= 0) daemon.tick();
  logger.info("ending on a signal; topologies go on");
  daemon.server->stop();
  return 0;
}

}  // namespace petrel
