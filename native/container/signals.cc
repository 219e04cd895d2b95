#include "native/container/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace petrel {
namespace {

struct SignalLoop : std::enable_shared_from_this<SignalLoop> {
  SignalLoop(Reactor& r, int f, std::function<void(int)> callback) : reactor(r), fd(f), on_end(std::move(callback)) {}
  ~SignalLoop() { ::close(fd); }
  void wait() {
    reactor.when_readable(fd, [self = shared_from_this()] {
      signalfd_siginfo info{};
      if (::read(self->fd, &info, sizeof info) == sizeof info) self->on_end(static_cast<int>(info.ssi_signo));
      self->wait();
    });
  }
  Reactor& reactor;
  int fd;
  std::function<void(int)> on_end;
};

}  // namespace

Status end_on_signals(Reactor& reactor, std::function<void(int)> on_end) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Status::from_errno(errno, "block signals");
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return Status::from_errno(errno, "signalfd");
  std::make_shared<SignalLoop>(reactor, fd, std::move(on_end))->wait();
  return Status();
}

}  // namespace petrel
