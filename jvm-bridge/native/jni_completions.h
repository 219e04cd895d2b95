// JniCompletions: the ends of trees on their way from the ledger into Java.
#pragma once

#include <memory>
#include <span>

#include "jvm-bridge/native/jni_table.h"
#include "native/ledger/ack_record.h"

namespace petrel {

/// Hands completions to Host.completions through one direct buffer. Thread: any that is attached, one at a time.
class JniCompletions {
 public:
  static constexpr size_t kMost = 4096;  // per call

  JniCompletions(JNIEnv* env, const JniTable& table);
  ~JniCompletions();
  void deliver(std::span<const Completion> completions);

 private:
  JNIEnv* env() const;  // of the current thread; null when it is not attached

  JavaVM* vm_ = nullptr;
  JniTable table_;
  std::unique_ptr<Completion[]> memory_;
  jobject buffer_;
};

}  // namespace petrel
