// LinksPort: what stands between executors and the links of their host: sections that they send go down; sections of
// other hosts, credit and pressure come up. The process (native_runtime.h) and the simulator both have it.
#pragma once

#include "native/host/host_links.h"
#include "native/instance/host_instance.h"

namespace petrel {

/// Thread: RemotePort's calls and consumed(): executors; LinkSink's: the links loop.
class LinksPort : public RemotePort, public LinkSink {
 public:
  /// Before the executors run and before links.start(*this). Both outlive their calls.
  void connect(HostLinks& links, HostInstance& instance);

  Offer offer(int32_t source_executor, OutboundSection&& section) override;
  double load_of(int32_t task) const override;
  uint32_t loss_number() const override;
  void set_pressure(uint16_t bits) override;

  void deliver(std::span<const InSection> sections) override;
  void credit(std::span<const int32_t> executors) override;
  void pressure(uint16_t bits) override;

 protected:
  /// An executor has taken so much of this flow out of its queue, once per section: credit may return.
  virtual void consumed(const FlowId& flow, uint64_t bytes);
  /// For an executor that is not in this host; it counts as consumed.
  virtual void misrouted(const InSection& section);

 private:
  HostLinks* links_ = nullptr;
  HostInstance* instance_ = nullptr;
};

}  // namespace petrel
