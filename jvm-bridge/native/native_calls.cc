#include "jvm-bridge/native/native_calls.h"

#include <stdexcept>

#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_ref.h"

namespace petrel {
namespace {

NativeCalls* g_calls = nullptr;  // natives are plain functions; there is one host in a process

constexpr size_t kMaxErrorText = 64 * 1024;
constexpr size_t kMaxName = 4096;

void JNICALL ledger_open(JNIEnv* env, jclass, jint task, jlong timeout_ms) {
  guard_native(env, [&] { g_calls->ledger_open(task, timeout_ms); });
}

void JNICALL ledger_records(JNIEnv* env, jclass, jobject buffer, jint bytes) {
  guard_native(env, [&] {
    void* address = buffer == nullptr ? nullptr : env->GetDirectBufferAddress(buffer);
    if (address == nullptr) throw std::invalid_argument("ledgerRecords: the buffer is not a direct ByteBuffer");
    if (bytes < 0 || bytes > env->GetDirectBufferCapacity(buffer)) {
      throw std::invalid_argument(
          fmt::format("ledgerRecords: {} bytes in a buffer of {}", bytes, env->GetDirectBufferCapacity(buffer)));
    }
    g_calls->ledger_records({static_cast<const std::byte*>(address), static_cast<size_t>(bytes)});
  });
}

void JNICALL ledger_recorded(JNIEnv* env, jclass, jboolean here) {
  guard_native(env, [&] { g_calls->ledger_recorded(here == JNI_TRUE); });
}

void JNICALL prepared(JNIEnv* env, jclass) {
  guard_native(env, [] { g_calls->prepared(); });
}

void JNICALL drained(JNIEnv* env, jclass, jlong epoch) {
  guard_native(env, [&] { g_calls->drained(static_cast<uint64_t>(epoch)); });
}

void JNICALL report_error(JNIEnv* env, jclass, jstring component, jint task, jstring text, jlong wall_ms) {
  guard_native(env, [&] {
    g_calls->report_error(from_java_string(env, component, kMaxName), task, from_java_string(env, text, kMaxErrorText),
                          wall_ms);
  });
}

void JNICALL die(JNIEnv* env, jclass, jstring component, jint task, jstring text, jint exit_code) {
  guard_native(env, [&] {
    g_calls->die(env, from_java_string(env, component, kMaxName), task, from_java_string(env, text, kMaxErrorText),
                 exit_code);
  });
}

struct NativeRow {
  const char* name;
  const char* signature;
  void* function;
};

const NativeRow kNatives[] = {
    {"ledgerOpen", "(IJ)V", reinterpret_cast<void*>(&ledger_open)},
    {"ledgerRecords", "(Ljava/nio/ByteBuffer;I)V", reinterpret_cast<void*>(&ledger_records)},
    {"ledgerRecorded", "(Z)V", reinterpret_cast<void*>(&ledger_recorded)},
    {"prepared", "()V", reinterpret_cast<void*>(&prepared)},
    {"drained", "(J)V", reinterpret_cast<void*>(&drained)},
    {"reportError", "(Ljava/lang/String;ILjava/lang/String;J)V", reinterpret_cast<void*>(&report_error)},
    {"die", "(Ljava/lang/String;ILjava/lang/String;I)V", reinterpret_cast<void*>(&die)},
};

}  // namespace

Status register_native_calls(JNIEnv* env, jclass native_class, NativeCalls* calls) {
  g_calls = calls;
  for (const NativeRow& row : kNatives) {
    JNINativeMethod method{const_cast<char*>(row.name), const_cast<char*>(row.signature), row.function};
    if (env->RegisterNatives(native_class, &method, 1) == JNI_OK) continue;
    Status why = take_java_exception(env);
    return Status::error(StatusCode::kNotFound,
                         "io.petrel.host.Native has no native method {}{}; the jars in host/ do "
                         "not belong to this petrel-jvm-host ({})",
                         row.name, row.signature, why.message());
  }
  return {};
}

}  // namespace petrel
