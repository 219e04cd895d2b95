#include "jvm-bridge/native/jni_error.h"

#include "jvm-bridge/native/jni_ref.h"

namespace petrel {
namespace {

constexpr size_t kMaxStackUnits = 64 * 1024;

// Calls a method without arguments that returns a String; "" when anything fails. No exception stays pending.
std::string call_for_string(JNIEnv* env, jobject object, const char* class_name, const char* method) {
  std::string out;
  JniRef<jclass> type(env, env->FindClass(class_name));
  if (type) {
    jmethodID id = env->GetMethodID(type.get(), method, "()Ljava/lang/String;");
    if (id != nullptr) {
      JniRef<jstring> text(env, static_cast<jstring>(env->CallObjectMethod(object, id)));
      if (!env->ExceptionCheck()) out = from_java_string(env, text.get(), kMaxStackUnits);
    }
  }
  if (env->ExceptionCheck()) env->ExceptionClear();
  return out;
}

std::string class_name_of(JNIEnv* env, jobject object) {
  JniRef<jclass> type(env, env->GetObjectClass(object));
  return call_for_string(env, type.get(), "java/lang/Class", "getName");
}

jobject print_to_writer(JNIEnv* env, jthrowable thrown) {
  JniRef<jclass> writer_type(env, env->FindClass("java/io/StringWriter"));
  if (!writer_type) return nullptr;
  jmethodID make_writer = env->GetMethodID(writer_type.get(), "<init>", "()V");
  JniRef<jclass> printer_type(env, env->FindClass("java/io/PrintWriter"));
  if (!printer_type || make_writer == nullptr) return nullptr;
  jmethodID make_printer = env->GetMethodID(printer_type.get(), "<init>", "(Ljava/io/Writer;)V");
  JniRef<jclass> throwable_type(env, env->FindClass("java/lang/Throwable"));
  if (!throwable_type || make_printer == nullptr) return nullptr;
  jmethodID print = env->GetMethodID(throwable_type.get(), "printStackTrace", "(Ljava/io/PrintWriter;)V");
  jobject writer = env->NewObject(writer_type.get(), make_writer);
  if (writer == nullptr || print == nullptr) return nullptr;
  JniRef<jobject> printer(env, env->NewObject(printer_type.get(), make_printer, writer));
  if (printer) env->CallVoidMethod(thrown, print, printer.get());
  return writer;
}

std::string stack_text(JNIEnv* env, jthrowable thrown) {
  JniRef<jobject> writer(env, print_to_writer(env, thrown));
  bool failed = env->ExceptionCheck();
  if (failed) env->ExceptionClear();
  if (failed || !writer) return "";
  return call_for_string(env, writer.get(), "java/lang/Object", "toString");
}

}  // namespace

bool take_java_error(JNIEnv* env, JavaError& error) {
  JniRef<jthrowable> thrown(env, env->ExceptionOccurred());
  if (!thrown) return false;
  env->ExceptionClear();
  error.class_name = class_name_of(env, thrown.get());
  error.message = call_for_string(env, thrown.get(), "java/lang/Throwable", "getMessage");
  error.stack = stack_text(env, thrown.get());
  while (error.stack.ends_with('\n')) error.stack.pop_back();
  if (error.stack.empty()) error.stack = error.class_name + (error.message.empty() ? "" : ": " + error.message);
  return true;
}

Status take_java_exception(JNIEnv* env) {
  JavaError error;
  if (!take_java_error(env, error)) return {};
  return Status(StatusCode::kInternal, error.stack);
}

void throw_to_java(JNIEnv* env, const char* sentence) noexcept {
  if (env->ExceptionCheck()) return;  // Java's own exception says more
  jclass type = env->FindClass("java/lang/RuntimeException");
  if (type != nullptr) env->ThrowNew(type, sentence);
}

}  // namespace petrel
