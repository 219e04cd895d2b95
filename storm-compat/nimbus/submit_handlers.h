// SubmitHandlers: uploads, submit, kill, activate, deactivate. Exceptions are those that Storm's clients expect.
// Thread: thread-safe.
#pragma once

#include <mutex>
#include <string>

#include "storm-compat/nimbus/nimbus_parts.h"

namespace petrel {

class SubmitHandlers {
 public:
  explicit SubmitHandlers(NimbusParts& parts) : parts_(parts) {}

  bool is_name_allowed(const std::string& name);
  std::string begin_upload(const std::string& owner);
  void upload_chunk(const std::string& location, const std::string& owner, const std::string& chunk);
  void finish_upload(const std::string& location, const std::string& owner);
  /// `options` may be null. `caller`: as owner_of(); the upload must be theirs.
  void submit(const std::string& name, const std::string& location, const std::string& json_conf,
              const storm::StormTopology& topology, const storm::SubmitOptions* options, const Caller& caller);
  /// `options` may be null: the wait is the topology's message time-out.
  void kill(const std::string& name, const storm::KillOptions* options);
  void activate(const std::string& name);
  void deactivate(const std::string& name);

 private:
  void set_status(const std::string& name, proto::TopologyStatus status);
  Seconds kill_wait(const std::string& name, const storm::KillOptions* options);
  std::vector<Slot> slots() const;

  NimbusParts& parts_;
  std::mutex submit_mutex_;  // one at a time from choosing a slot to recording it
};

}  // namespace petrel
