#include "jvm-bridge/native/jni_completions.h"

#include <algorithm>
#include <cstring>

#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_ref.h"
#include "native/base/log.h"

namespace petrel {
namespace {
const Logger logger("ledger");
}  // namespace

JniCompletions::JniCompletions(JNIEnv* env, const JniTable& table) : table_(table), memory_(new Completion[kMost]) {
  CHECK(env->GetJavaVM(&vm_) == JNI_OK);
  JniRef<jobject> buffer(env, env->NewDirectByteBuffer(memory_.get(), kMost * sizeof(Completion)));
  CHECK(static_cast<bool>(buffer));
  buffer_ = env->NewGlobalRef(buffer.get());
}

JniCompletions::~JniCompletions() {
  if (JNIEnv* env = this->env(); env != nullptr) env->DeleteGlobalRef(buffer_);
}

void JniCompletions::deliver(std::span<const Completion> completions) {
  JNIEnv* env = this->env();
  CHECK(env != nullptr);
  while (!completions.empty()) {
    size_t count = std::min(completions.size(), kMost);
    std::memcpy(memory_.get(), completions.data(), count * sizeof(Completion));
    env->CallStaticVoidMethod(table_.host, table_.completions, buffer_, static_cast<jint>(count));
    Status status = take_java_exception(env);
    if (!status.ok()) logger.error("Host.completions: {}", status.message());
    completions = completions.subspan(count);
  }
}

JNIEnv* JniCompletions::env() const {
  void* env = nullptr;
  return vm_->GetEnv(&env, JNI_VERSION_10) == JNI_OK ? static_cast<JNIEnv*>(env) : nullptr;
}

}  // namespace petrel
