// Jvm: the one JVM of this process, created from a libjvm that is loaded at run time.
//
// Signals: the JVM takes SIGSEGV and friends for itself (nothing of ours may be installed over them) and SIGQUIT for
// thread dumps. SIGTERM, SIGINT and SIGHUP are installed by the host after create(), so they are the host's.
#pragma once

#include <jni.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "native/base/status.h"

namespace petrel {

/// JAVA_HOME's libjvm (`java_home` may be empty), else that of the newest JDK from 17 up under `jdk_folder`.
/// kNotFound names what was tried; a JAVA_HOME without libjvm is an error, never silently another JDK.
Result<std::string> find_libjvm(const std::string& java_home, const std::string& jdk_folder = "/usr/lib/jvm");

struct JvmConfig {
  std::string libjvm;                   // path of libjvm.so
  std::vector<std::string> options;     // as JavaVMOption strings
  size_t main_stack_bytes = 16u << 20;  // deserialising deep object graphs needs more than a usual thread has
};

/// Called by the JVM. on_exit: System.exit, Runtime.halt, or the last user thread's end, on a VM thread while all Java
/// threads stand still: no JNI, no lock that a Java thread may hold; it should end the process, else the JVM does so.
/// on_abort: a fatal error in the VM or in native code; async-signal-safe code only.
struct JvmHooks {
  std::function<void(int code)> on_exit;
  std::function<void()> on_abort;
};

class Jvm {
 public:
  /// Creates the JVM on a thread of its own ("main" in Java). A process can do that once; a second try is an error.
  /// Errors carry what the JVM printed about the refused option.
  static Result<std::unique_ptr<Jvm>> create(const JvmConfig& config, JvmHooks hooks);
  /// Ends the main thread after the work that was posted; the JVM itself lives as long as the process.
  ~Jvm();

  /// Runs on the Java main thread, in order. Thread: any. Work leaves no exception pending (it is logged if it does).
  void post(std::function<void(JNIEnv*)> work);
  /// Posts and waits. Thread: any but the main thread itself.
  Status run(const std::function<Status(JNIEnv*)>& work);

  /// The names of all -XX flags of this JVM; empty when it does not tell (vm_flags.h).
  std::vector<std::string> flag_names() const;
  JavaVM* vm() const { return vm_; }

 private:
  Jvm() = default;
  void main_thread(const JvmConfig& config);
  void run_posted(JNIEnv* env);

  void* library_ = nullptr;
  JavaVM* vm_ = nullptr;
  pthread_t thread_{};
  bool thread_started_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void(JNIEnv*)>> work_;
  bool created_ = false;
  bool stopping_ = false;
  Status create_status_;
};

/// Attaches the calling native thread for its life: Java name, OS name (first 15 characters), daemon, system class
/// loader as context class loader (an attached thread has none, and Storm's deserialisation needs it).
class JvmAttachment {
 public:
  static Result<std::unique_ptr<JvmAttachment>> attach(JavaVM* vm, const std::string& name);
  ~JvmAttachment();
  JNIEnv* env() const { return env_; }

 private:
  JvmAttachment(JavaVM* vm, JNIEnv* env) : vm_(vm), env_(env) {}
  JavaVM* vm_;
  JNIEnv* env_;
};

/// Sets the system class loader as context class loader of the current thread.
Status set_context_loader(JNIEnv* env);

}  // namespace petrel
