// JniTable: every class and method of the border, resolved once at start, so that a missing one is a sentence at
// start-up and not a crash later. The rows are jvm-bridge/README.md.
#pragma once

#include <jni.h>

#include "native/base/status.h"

namespace petrel {

struct JniTable {
  jclass host = nullptr;    // io.petrel.host.Host, global reference
  jclass native = nullptr;  // io.petrel.host.Native, global reference
  jclass system = nullptr;  // java.lang.System, global reference
  jmethodID boot = nullptr;
  jmethodID start = nullptr;
  jmethodID set_active = nullptr;
  jmethodID sample = nullptr;
  jmethodID completions = nullptr;
  jmethodID deliver = nullptr;
  jmethodID credit = nullptr;
  jmethodID pressure = nullptr;
  jmethodID drain = nullptr;
  jmethodID stop = nullptr;
  jmethodID exit = nullptr;  // System.exit

  /// kNotFound names the class or method and what to do. Thread: attached; the result is good on every thread.
  static Result<JniTable> resolve(JNIEnv* env);
};

}  // namespace petrel
