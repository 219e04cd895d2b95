// jni_error: a Java exception as a Status, and a native failure as a Java exception.
#pragma once

#include <jni.h>

#include "native/base/status.h"

namespace petrel {

/// What a Throwable says. `stack` is what printStackTrace prints: class, message, frames, all causes; cut at 64 KiB.
struct JavaError {
  std::string class_name;
  std::string message;
  std::string stack;
};

/// Takes the pending exception of this thread and clears it; `found` false when there is none. Never leaves an
/// exception pending, even when describing it runs out of memory or stack (then only the class name is known).
bool take_java_error(JNIEnv* env, JavaError& error);

/// OK when no exception is pending; else kInternal with the whole stack text as message, exception cleared.
Status take_java_exception(JNIEnv* env);

/// Throws a RuntimeException with the sentence into the calling Java code.
void throw_to_java(JNIEnv* env, const char* sentence) noexcept;

/// Runs the body of a native method: no C++ exception may pass through a JVM frame (it would end the process).
template <typename Body>
void guard_native(JNIEnv* env, Body&& body) noexcept {
  try {
    body();
  } catch (const std::exception& failure) {
    throw_to_java(env, failure.what());
  } catch (...) {
    throw_to_java(env, "native code failed with an unknown exception");
  }
}

}  // namespace petrel
