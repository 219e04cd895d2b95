#include "native/native_host/links_port.h"

#include "native/base/check.h"
#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("links");

Offer to_offer(Admit admit) {
  switch (admit) {
    case Admit::kTaken:
      return Offer::kTaken;
    case Admit::kNoCredit:
      return Offer::kNoCredit;
    case Admit::kTooLarge:
      return Offer::kTooLarge;
    case Admit::kUnknownTask:
      return Offer::kUnknownTask;
  }
  CHECK(false);
}

}  // namespace

void LinksPort::connect(HostLinks& links, HostInstance& instance) {
  links_ = &links;
  instance_ = &instance;
}

Offer LinksPort::offer(int32_t source_executor, OutboundSection&& section) {
  OutSection out{section.source_task, section.destination_task, section.lane, section.kind,
                 section.count,       std::move(section.bytes)};
  const Offer answer = to_offer(links_->offer(source_executor, std::move(out)));
  if (answer != Offer::kTaken) section.bytes = std::move(out.bytes);
  return answer;
}

double LinksPort::load_of(int32_t task) const {
  return links_->load_of(task) / 65535.0;
}

uint32_t LinksPort::loss_number() const {
  return links_->loss_number();
}

void LinksPort::set_pressure(uint16_t bits) {
  links_->set_pressure(bits);
}

void LinksPort::deliver(std::span<const InSection> sections) {
  for (const InSection& section : sections) {
    InboundSection in;
    in.executor = section.executor;
    in.destination_task = section.destination_task;
    in.lane = section.lane;
    in.kind = section.kind;
    in.count = section.count;
    in.frame = section.frame;
    in.bytes = section.bytes;
    in.consumed = [this, flow = section.flow, bytes = section.bytes.size()] { consumed(flow, bytes); };
    if (instance_->deliver(std::move(in))) continue;
    misrouted(section);
    consumed(section.flow, section.bytes.size());
  }
}

void LinksPort::credit(std::span<const int32_t> executors) {
  instance_->credit(executors);
}

void LinksPort::pressure(uint16_t bits) {
  instance_->pressure(bits);
}

void LinksPort::consumed(const FlowId& flow, uint64_t bytes) {
  links_->consumed(flow, bytes);
}

void LinksPort::misrouted(const InSection& section) {
  logger.error("a section for executor {}, which is not in this host, was dropped", section.executor);
}

}  // namespace petrel
