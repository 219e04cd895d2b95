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

JniCompletions::JniCompletions(JNIEnv* env, const JniTable& table)
    : env_(env), table_(table), memory_(new Completion[kMost]) {
  JniRef<jobject> buffer(env, env->NewDirectByteBuffer(memory_.get(), kMost * sizeof(Completion)));
  CHECK(static_cast<bool>(buffer));
  buffer_ = env->NewGlobalRef(buffer.get());
}

JniCompletions::~JniCompletions() {
  env_->DeleteGlobalRef(buffer_);
}

void JniCompletions::deliver(std::span<const Completion> completions) {
  while (!completions.empty()) {
    size_t count = std::min(completions.size(), kMost);
    std::memcpy(memory_.get(), completions.data(), count * sizeof(Completion));
    env_->CallStaticVoidMethod(table_.host, table_.completions, buffer_, static_cast<jint>(count));
    Status status = take_java_exception(env_);
    if (!status.ok()) logger.error("Host.completions: {}", status.message());
    completions = completions.subspan(count);
  }
}

}  // namespace petrel
