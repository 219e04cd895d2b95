#include "jvm-bridge/native/jni_links.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_ref.h"
#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("links");

NativeCalls* g_calls = nullptr;  // natives are plain functions; there is one host in a process

// A flow goes through Java as two numbers that mean nothing there.
uint64_t flow_low(const FlowId& flow) {
  return flow.source_host | static_cast<uint64_t>(flow.source_incarnation) << 32;
}
uint64_t flow_high(const FlowId& flow) {
  return static_cast<uint32_t>(flow.executor) | static_cast<uint64_t>(flow.lane) << 32;
}
FlowId flow_of(uint64_t low, uint64_t high) {
  FlowId flow;
  flow.source_host = static_cast<uint32_t>(low);
  flow.source_incarnation = static_cast<uint32_t>(low >> 32);
  flow.executor = static_cast<int32_t>(static_cast<uint32_t>(high));
  flow.lane = static_cast<uint8_t>(high >> 32);
  return flow;
}

template <typename T>
char* put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

constexpr size_t kCopyBytes = 256U << 10;  // of a large array at a time: the JVM's safepoints wait no longer
constexpr int32_t kLargeKind = 2;          // TaskLinks.LARGE

/// Large sections that wait for the thread of their executor. Thread: any.
class LargeSections {
 public:
  uint64_t keep(const InSection& section) {
    const std::scoped_lock lock(mutex_);
    sections_.emplace(++last_, section);
    return last_;
  }
  std::optional<InSection> take(uint64_t number) {
    const std::scoped_lock lock(mutex_);
    auto node = sections_.extract(number);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped());
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    sections_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, InSection> sections_;
  uint64_t last_ = 0;
};

LargeSections& large_sections() {
  static auto* const sections = new LargeSections;  // for ever: Java's threads may run while the process ends
  return *sections;
}

char* put_header(char* at, const InSection& section, int32_t kind) {
  at = put(at, flow_low(section.flow));
  at = put(at, flow_high(section.flow));
  at = put(at, section.source_task);
  at = put(at, section.destination_task);
  at = put(at, kind);
  at = put(at, section.count);
  return put(at, static_cast<int32_t>(section.bytes.size()));
}

char* put_section(char* at, const InSection& section) {
  at = put_header(at, section, static_cast<int32_t>(section.kind));
  std::memcpy(at, section.bytes.data(), section.bytes.size());
  return at + section.bytes.size();
}

HostLinks& links() {
  HostLinks* links = g_calls->links();
  if (links == nullptr) throw std::logic_error("the plan has one host: there are no links");
  return *links;
}

jint JNICALL offer(JNIEnv* env, jclass, jint source_executor, jint source_task, jint destination_task, jint lane,
                   jint kind, jint count, jbyteArray data, jint offset, jint length, jboolean more) {
  jint answer = static_cast<jint>(Admit::kUnknownTask);
  guard_native(env, [&] {
    if (data == nullptr || offset < 0 || length <= 0 || offset > env->GetArrayLength(data) - length) {
      throw std::invalid_argument(fmt::format("offer: bytes {} + {} are not in the array", offset, length));
    }
    OutSection section;
    section.source_task = source_task;
    section.destination_task = destination_task;
    section.lane = static_cast<uint8_t>(lane);
    section.kind = static_cast<SectionKind>(kind);
    section.count = static_cast<uint32_t>(count);
    section.bytes.reserve(static_cast<size_t>(length));
    for (jint at = 0; at < length;) {
      const jint part = std::min(length - at, static_cast<jint>(kCopyBytes));
      section.bytes.resize(static_cast<size_t>(at + part));
      env->GetByteArrayRegion(data, offset + at, part, reinterpret_cast<jbyte*>(section.bytes.data() + at));
      at += part;
    }
    answer = static_cast<jint>(links().offer(source_executor, std::move(section), more == JNI_TRUE));
  });
  return answer;
}

void JNICALL offered(JNIEnv* env, jclass) {
  guard_native(env, [&] { links().offered(); });
}

void JNICALL consumed(JNIEnv* env, jclass, jlong low, jlong high, jint bytes) {
  guard_native(env, [&] {
    if (bytes < 0) throw std::invalid_argument(fmt::format("consumed: {} bytes", bytes));
    links().consumed(flow_of(static_cast<uint64_t>(low), static_cast<uint64_t>(high)), static_cast<uint64_t>(bytes));
  });
}

void JNICALL take_section(JNIEnv* env, jclass, jlong number, jbyteArray into) {
  guard_native(env, [&] {
    const std::optional<InSection> section = large_sections().take(static_cast<uint64_t>(number));
    if (!section) throw std::invalid_argument(fmt::format("takeSection: section {} is not here, or no longer", number));
    if (into == nullptr) return;
    const std::string_view bytes = section->bytes;
    if (static_cast<size_t>(env->GetArrayLength(into)) != bytes.size()) {
      throw std::invalid_argument(fmt::format("takeSection: an array of {} bytes for a section of {}",
                                              env->GetArrayLength(into), bytes.size()));
    }
    for (size_t at = 0; at < bytes.size(); at += kCopyBytes) {
      const std::string_view part = bytes.substr(at, kCopyBytes);
      env->SetByteArrayRegion(into, static_cast<jsize>(at), static_cast<jsize>(part.size()),
                              reinterpret_cast<const jbyte*>(part.data()));
    }
  });
}

void JNICALL loads(JNIEnv* env, jclass, jintArray tasks, jintArray fills) {
  guard_native(env, [&] {
    if (tasks == nullptr || fills == nullptr || env->GetArrayLength(tasks) != env->GetArrayLength(fills)) {
      throw std::invalid_argument("loads: two arrays of one length are needed");
    }
    std::vector<jint> values(static_cast<size_t>(env->GetArrayLength(tasks)));
    env->GetIntArrayRegion(tasks, 0, static_cast<jsize>(values.size()), values.data());
    for (jint& value : values) value = links().load_of(value);
    env->SetIntArrayRegion(fills, 0, static_cast<jsize>(values.size()), values.data());
  });
}

jint JNICALL loss_number(JNIEnv* env, jclass) {
  jint number = 0;
  guard_native(env, [&] { number = static_cast<jint>(links().loss_number()); });
  return number;
}

void JNICALL pressure(JNIEnv* env, jclass, jint bits) {
  guard_native(env, [&] { links().set_pressure(static_cast<uint16_t>(bits)); });
}

const JNINativeMethod kLinkNatives[] = {
    {const_cast<char*>("offer"), const_cast<char*>("(IIIIII[BIIZ)I"), reinterpret_cast<void*>(&offer)},
    {const_cast<char*>("offered"), const_cast<char*>("()V"), reinterpret_cast<void*>(&offered)},
    {const_cast<char*>("consumed"), const_cast<char*>("(JJI)V"), reinterpret_cast<void*>(&consumed)},
    {const_cast<char*>("takeSection"), const_cast<char*>("(J[B)V"), reinterpret_cast<void*>(&take_section)},
    {const_cast<char*>("loads"), const_cast<char*>("([I[I)V"), reinterpret_cast<void*>(&loads)},
    {const_cast<char*>("pressure"), const_cast<char*>("(I)V"), reinterpret_cast<void*>(&pressure)},
    {const_cast<char*>("lossNumber"), const_cast<char*>("()I"), reinterpret_cast<void*>(&loss_number)},
};

}  // namespace

JniLinks::JniLinks(JNIEnv* env, const JniTable& table) : env_(env), table_(table), memory_(new char[kBufferBytes]) {
  JniRef<jobject> buffer(env, env->NewDirectByteBuffer(memory_.get(), kBufferBytes));
  CHECK(static_cast<bool>(buffer));
  buffer_ = env->NewGlobalRef(buffer.get());
}

JniLinks::~JniLinks() {
  large_sections().clear();
  env_->DeleteGlobalRef(buffer_);
}

void JniLinks::deliver(std::span<const InSection> sections) {
  for (const InSection& section : sections) {
    const bool large = kHeaderBytes + section.bytes.size() > kBufferBytes;
    const size_t needed = kHeaderBytes + (large ? sizeof(uint64_t) : section.bytes.size());
    if (needed > kBufferBytes - used_) flush();
    if (large) {
      append_large(section);
    } else {
      append(section);
    }
  }
  flush();
}

void JniLinks::append_large(const InSection& section) {
  char* at = put_header(memory_.get() + used_, section, kLargeKind);
  at = put(at, large_sections().keep(section));
  used_ = static_cast<size_t>(at - memory_.get());
  ++sections_;
}

void JniLinks::append(const InSection& section) {
  used_ = static_cast<size_t>(put_section(memory_.get() + used_, section) - memory_.get());
  ++sections_;
}

void JniLinks::flush() {
  if (sections_ != 0) call(buffer_, sections_, used_);
  used_ = 0;
  sections_ = 0;
}

void JniLinks::call(jobject buffer, size_t sections, size_t bytes) {
  env_->CallStaticVoidMethod(table_.host, table_.deliver, buffer, static_cast<jint>(sections),
                             static_cast<jint>(bytes));
  Status status = take_java_exception(env_);
  if (!status.ok()) logger.error("Host.deliver: {}", status.message());
}

void JniLinks::credit(std::span<const int32_t> executors) {
  JniRef<jintArray> array(env_, env_->NewIntArray(static_cast<jsize>(executors.size())));
  if (array) {
    static_assert(sizeof(jint) == sizeof(int32_t));
    env_->SetIntArrayRegion(array.get(), 0, static_cast<jsize>(executors.size()), executors.data());
    env_->CallStaticVoidMethod(table_.host, table_.credit, array.get());
  }
  Status status = take_java_exception(env_);
  // Not told, the executors find out by themselves: a refused batch is offered again after 100 ms.
  if (!status.ok()) logger.error("Host.credit: {}", status.message());
}

void JniLinks::pressure(uint16_t bits) {
  env_->CallStaticVoidMethod(table_.host, table_.pressure, static_cast<jint>(bits));
  Status status = take_java_exception(env_);
  if (!status.ok()) logger.error("Host.pressure: {}", status.message());
}

Status register_link_natives(JNIEnv* env, jclass native_class, NativeCalls* calls) {
  g_calls = calls;
  for (const JNINativeMethod& method : kLinkNatives) {
    if (env->RegisterNatives(native_class, &method, 1) == JNI_OK) continue;
    Status why = take_java_exception(env);
    return Status::error(StatusCode::kNotFound,
                         "io.petrel.host.Native has no native method {}{}; the jars in host/ do "
                         "not belong to this petrel-jvm-host ({})",
                         method.name, method.signature, why.message());
  }
  return {};
}

}  // namespace petrel
