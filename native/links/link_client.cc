#include "native/links/link_client.h"

#include <algorithm>
#include <utility>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/links/frame_channel.h"
#include "native/links/link_handshake.h"

namespace petrel {
namespace {

const Logger logger("link_client");

// A link that lasted so long shows that the peer is well: the next attempt comes soon.
constexpr Nanos kGoodLink = Millis(200);

}  // namespace

struct LinkClient::Impl : std::enable_shared_from_this<LinkClient::Impl>, LinkHandler {
  Impl(Reactor& r, LinkClientOptions o, EndpointSource f, LinkClientHandler& h)
      : reactor(r),
        options(std::move(o)),
        find(std::move(f)),
        handler(h),
        backoff(options.backoff_min),
        link_epoch(options.first_link_epoch - 1) {}
  ~Impl() override {
    if (channel) channel->abandon();
  }

  void wait_and_attempt(Nanos delay) {
    if (stopped || timer != 0) return;
    timer = reactor.after(delay, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->timer = 0;
      if (!self->stopped) self->attempt();
    });
  }
  /// By the next way at once, after the last one by the first when the peer had some time.
  void retry() {
    if (!last_way() && !std::exchange(news, false)) {
      ++way;
      return wait_and_attempt(Nanos(0));
    }
    start_over();
  }
  bool last_way() const { return way + 1 >= ways; }
  void start_over() {
    way = 0;
    wait_and_attempt(backoff);
    backoff = std::min(backoff * 2, options.backoff_max);
  }
  void attempt() {
    news = false;
    auto endpoints = find();
    ways = endpoints.ok() ? endpoints->size() : 0;
    if (way >= ways) way = 0;
    if (ways == 0) return retry();
    reactor.connect((*endpoints)[way], options.connect_timeout,
                    [weak = weak_from_this(), n = ++attempts](Result<std::unique_ptr<ByteStream>> stream) {
                      auto self = weak.lock();
                      if (!self || self->stopped || n != self->attempts) return;
                      self->on_connected(std::move(stream));
                    });
  }
  void on_connected(Result<std::unique_ptr<ByteStream>> stream) {
    if (!stream.ok()) {
      logger.debug("{}", stream.status().message());
      const bool last = last_way();
      retry();
      if (last && stream.status().code() == StatusCode::kUnavailable) handler.on_no_listener();
      return;
    }
    hello_body.clear();
    channel = std::make_shared<FrameChannel>(reactor, std::move(stream).value(), options.limits);
    channel->start(*this);
  }

  void on_frame(Frame frame) override {
    auto self = shared_from_this();
    if (frame.header.kind == FrameKind::kChallenge && hello_body.empty()) return on_challenge(frame.bytes());
    if (frame.header.kind == FrameKind::kWelcome && !hello_body.empty()) return on_welcome(frame.bytes());
    if (frame.header.kind == FrameKind::kRefused) return on_refused(frame.bytes());
    fail(Status::malformed("a {} frame out of turn", to_string(frame.header.kind)));
  }
  void on_closed(Status reason) override {
    logger.debug("closed before the welcome: {}", reason.ok() ? "the peer ended it" : reason.message());
    channel.reset();
    retry();
  }
  void on_challenge(std::string_view body) {
    auto answer = answer_challenge(options, link_epoch + 1, body);
    if (!answer.ok()) return fail(answer.status());
    ++link_epoch;
    challenge_body = body;
    hello_body = std::move(answer).value();
    FrameHeader header;
    header.kind = FrameKind::kHello;
    channel->set_link_epoch(link_epoch);
    channel->send(make_frame(header, hello_body));
  }
  void on_welcome(std::string_view body) {
    auto checked = check_welcome(options, challenge_body, hello_body, body);
    if (!checked.ok()) return fail(checked.status());
    if (checked->link_epoch != link_epoch || checked->version < options.min_version ||
        checked->version > options.max_version) {
      return fail(Status::malformed("a welcome of version {} for link epoch {}, {} was asked for", checked->version,
                                    checked->link_epoch, link_epoch));
    }
    LinkPeer peer;
    peer.role = LinkRole::kStreamManager;
    peer.container = checked->container;
    peer.incarnation = checked->incarnation;
    peer.link_epoch = link_epoch;
    peer.features = checked->features;
    peer.pid = channel->peer_pid();
    peer.text = describe_peer(peer, channel->peer());
    channel->set_proved();
    if (options.delays) {
      channel->set_on_delay(
          [delays = options.delays, from = peer.container](Nanos delay) { delays->add(from, delay); });
    }
    link = channel;
    channel->set_on_end([weak = weak_from_this(), since = reactor.clock().now()] {
      auto self = weak.lock();
      if (!self) return;
      if (self->reactor.clock().now() - since >= kGoodLink) self->backoff = self->options.backoff_min;
      self->start_over();
    });
    handler.on_link(std::make_unique<FrameLink>(std::exchange(channel, nullptr), std::move(peer)));
  }
  void on_refused(std::string_view body) {
    auto reason = parse_refused(body);
    if (!reason.ok()) return fail(reason.status());
    fail(Status::error(StatusCode::kDenied, "refused: {}", escape(*reason)));
  }
  /// The hello came to nothing and will not come to more soon.
  void fail(const Status& reason) {
    channel->abandon();
    channel.reset();
    if (!last_way()) {
      logger.debug("{}", reason.message());
      return retry();
    }
    backoff = options.backoff_max;
    retry();
    handler.on_refused(reason);
  }

  Reactor& reactor;
  LinkClientOptions options;
  EndpointSource find;
  LinkClientHandler& handler;
  Nanos backoff;
  uint32_t link_epoch;
  bool stopped = true;
  uint64_t attempts = 0;
  size_t ways = 0;    // that find() told
  size_t way = 0;     // of this attempt, or of the one that waits
  bool news = false;  // the endpoints have changed since this attempt began
  Reactor::TimerId timer = 0;
  std::shared_ptr<FrameChannel> channel;  // until the welcome
  std::weak_ptr<FrameChannel> link;       // after it
  std::string challenge_body;
  std::string hello_body;
};

LinkClient::LinkClient(Reactor& reactor, LinkClientOptions options, EndpointSource find, LinkClientHandler& handler)
    : impl_(std::make_shared<Impl>(reactor, std::move(options), std::move(find), handler)) {}

LinkClient::~LinkClient() {
  stop();
}

void LinkClient::start() {
  if (!std::exchange(impl_->stopped, false)) return;
  impl_->backoff = impl_->options.backoff_min;
  impl_->way = 0;
  auto link = impl_->link.lock();
  if (!link || !link->open()) impl_->wait_and_attempt(Nanos(0));
}

void LinkClient::stop() {
  impl_->stopped = true;
  ++impl_->attempts;
  impl_->reactor.cancel(std::exchange(impl_->timer, 0));
  if (auto channel = std::exchange(impl_->channel, nullptr)) channel->abandon();
}

void LinkClient::retry_now() {
  impl_->news = true;
  if (impl_->timer == 0) return;
  impl_->reactor.cancel(std::exchange(impl_->timer, 0));
  impl_->backoff = impl_->options.backoff_min;
  impl_->way = 0;
  impl_->wait_and_attempt(Nanos(0));
}

uint32_t LinkClient::link_epoch() const {
  return impl_->link_epoch;
}

}  // namespace petrel
