// JniLinks: what other hosts send, on its way from the links thread into Java; and the natives by which Java's
// executors send to other hosts. The layouts are in jvm-bridge/README.md.
#pragma once

#include <memory>
#include <span>

#include "jvm-bridge/native/jni_table.h"
#include "jvm-bridge/native/native_calls.h"
#include "native/host/host_links.h"

namespace petrel {

/// Thread: the attached links thread.
class JniLinks : public LinkSink {
 public:
  static constexpr size_t kBufferBytes = 1U << 20;  // of one upcall; the bytes of a larger section are fetched
  static constexpr size_t kHeaderBytes = 36;        // before each section's bytes

  JniLinks(JNIEnv* env, const JniTable& table);
  ~JniLinks() override;

  /// One upcall of Host.deliver for as many sections as fit. Those whose bytes are fetched are kept until then, or
  /// until we are destroyed.
  void deliver(std::span<const InSection> sections) override;
  void credit(std::span<const int32_t> executors) override;
  void pressure(uint16_t bits) override;

 private:
  void append(const InSection& section);
  void append_large(const InSection& section);
  void flush();
  void call(jobject buffer, size_t sections, size_t bytes);

  JNIEnv* env_;
  JniTable table_;
  std::unique_ptr<char[]> memory_;
  jobject buffer_;
  size_t used_ = 0;
  size_t sections_ = 0;
};

/// Registers the natives that use NativeCalls::links(). As register_native_calls.
Status register_link_natives(JNIEnv* env, jclass native_class, NativeCalls* calls);

}  // namespace petrel
