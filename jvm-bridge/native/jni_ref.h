// JniRef, JniFrame and string conversion: the few pieces of JNI house-keeping that every caller needs.
// Thread: a local reference belongs to the thread (and JNIEnv) that made it; a GlobalRef may be used by any.
#pragma once

#include <jni.h>

#include <string>
#include <string_view>
#include <utility>

namespace petrel {

/// Owns a local reference. Needed wherever a thread stays in native code for long (its references are never popped).
template <typename T>
class JniRef {
 public:
  JniRef(JNIEnv* env, T object) : env_(env), object_(object) {}
  JniRef(JniRef&& other) noexcept : env_(other.env_), object_(std::exchange(other.object_, nullptr)) {}
  JniRef& operator=(JniRef&&) = delete;
  ~JniRef() {
    if (object_ != nullptr) env_->DeleteLocalRef(object_);
  }
  T get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  JNIEnv* env_;
  T object_;
};

/// UTF-8 to java.lang.String. Broken UTF-8 becomes U+FFFD, NUL and characters above U+FFFF survive (NewStringUTF takes
/// neither). Null with a pending OutOfMemoryError when Java has no room.
jstring make_java_string(JNIEnv* env, std::string_view utf8);

/// java.lang.String to UTF-8; unpaired surrogates become U+FFFD; null becomes "". At most `limit` UTF-16 units are
/// read.
std::string from_java_string(JNIEnv* env, jstring text, size_t limit = 1u << 20);

}  // namespace petrel
