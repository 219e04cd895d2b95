#include "jvm-bridge/native/jvm.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>

#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_ref.h"
#include "jvm-bridge/native/vm_flags.h"
#include "native/base/escape.h"
#include "native/base/log.h"

namespace petrel {
namespace fs = std::filesystem;
namespace {

const Logger logger("jvm");

// The hooks of JavaVMOption are plain functions, so what they call is global; there is one JVM in a process.
JvmHooks* g_hooks = nullptr;
std::atomic<bool> g_created{false};
std::mutex g_said_mutex;
std::string g_said;  // what the JVM printed while it was created
std::atomic<bool> g_listening{false};

void JNICALL exit_hook(jint code) {
  if (g_hooks != nullptr && g_hooks->on_exit) g_hooks->on_exit(code);
}

void JNICALL abort_hook() {
  if (g_hooks != nullptr && g_hooks->on_abort) g_hooks->on_abort();
}

__attribute__((format(printf, 2, 0))) jint JNICALL vfprintf_hook(FILE* file, const char* format, va_list arguments) {
  constexpr size_t kMostSaid = 4096;
  if (g_listening.load()) {
    char line[1024];
    va_list copy;
    va_copy(copy, arguments);
    vsnprintf(line, sizeof line, format, copy);
    va_end(copy);
    std::lock_guard lock(g_said_mutex);
    if (g_said.size() < kMostSaid) g_said += line;
  }
  return vfprintf(file, format, arguments);
}

std::string take_said() {
  std::lock_guard lock(g_said_mutex);
  std::string said = std::move(g_said);
  g_said.clear();
  for (char& c : said) {
    if (c == '\n') c = ' ';
  }
  while (said.ends_with(' ')) said.pop_back();
  return escape(said, 1000);
}

const char* jni_error_name(jint code) {
  switch (code) {
    case JNI_ERR:
      return "unknown error";
    case JNI_EDETACHED:
      return "thread not attached";
    case JNI_EVERSION:
      return "JNI version not supported";
    case JNI_ENOMEM:
      return "not enough memory";
    case JNI_EEXIST:
      return "a JVM exists already in this process";
    case JNI_EINVAL:
      return "an option was refused";
    default:
      return "unknown code";
  }
}

// The feature version from a JDK's release file (JAVA_VERSION="17.0.15"), 0 when there is none.
int jdk_version(const fs::path& home) {
  std::ifstream file(home / "release");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "JAVA_VERSION=\"";
    if (!line.starts_with(kKey)) continue;
    int version = 0;
    std::from_chars(line.data() + kKey.size(), line.data() + line.size(), version);
    return version;
  }
  return 0;
}

bool has_libjvm(const fs::path& home) {
  std::error_code error;
  return fs::is_regular_file(home / "lib/server/libjvm.so", error);
}

}  // namespace

Result<std::string> find_libjvm(const std::string& java_home, const std::string& jdk_folder) {
  if (!java_home.empty()) {
    if (has_libjvm(java_home)) return (fs::path(java_home) / "lib/server/libjvm.so").string();
    return Status::error(StatusCode::kNotFound,
                         "JAVA_HOME '{}' has no lib/server/libjvm.so; it must be a JDK or JRE from "
                         "17 up",
                         escape(java_home));
  }
  fs::path best;
  int best_version = 0;
  std::error_code error;
  for (fs::directory_iterator it(jdk_folder, error), end; !error && it != end; it.increment(error)) {
    int version = jdk_version(it->path());
    if (version >= 17 && version > best_version && has_libjvm(it->path())) {
      best_version = version;
      best = it->path();
    }
  }
  if (best_version == 0) {
    return Status::error(StatusCode::kNotFound,
                         "no JDK from 17 up under '{}'; install openjdk-17-jdk-headless or set "
                         "JAVA_HOME",
                         escape(jdk_folder));
  }
  return (best / "lib/server/libjvm.so").string();
}

Result<std::unique_ptr<Jvm>> Jvm::create(const JvmConfig& config, JvmHooks hooks) {
  if (g_created.exchange(true)) {
    return Status::error(StatusCode::kAlreadyExists, "this process has a JVM already; a new JVM needs a new process");
  }
  g_hooks = new JvmHooks(std::move(hooks));  // as long as the process: the JVM may call it to the last moment
  std::unique_ptr<Jvm> jvm(new Jvm());
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, config.main_stack_bytes);
  struct Start {
    Jvm* jvm;
    const JvmConfig* config;
  } start{jvm.get(), &config};
  auto body = [](void* argument) -> void* {
    auto* s = static_cast<Start*>(argument);
    s->jvm->main_thread(*s->config);
    return nullptr;
  };
  int failed = pthread_create(&jvm->thread_, &attributes, body, &start);
  pthread_attr_destroy(&attributes);
  if (failed != 0) return Status::from_errno(failed, "create the JVM's main thread");
  jvm->thread_started_ = true;
  std::unique_lock lock(jvm->mutex_);
  jvm->wake_.wait(lock, [&] { return jvm->created_; });
  if (!jvm->create_status_.ok()) return jvm->create_status_;
  return jvm;
}

Jvm::~Jvm() {
  if (!thread_started_) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  pthread_join(thread_, nullptr);
}

void Jvm::main_thread(const JvmConfig& config) {
  pthread_setname_np(pthread_self(), "petrel-java");
  JNIEnv* env = nullptr;
  Status status = [&]() -> Status {
    library_ = dlopen(config.libjvm.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library_ == nullptr) return Status::error(StatusCode::kNotFound, "load the JVM: {}", dlerror());
    auto create = reinterpret_cast<jint (*)(JavaVM**, void**, void*)>(dlsym(library_, "JNI_CreateJavaVM"));
    if (create == nullptr) {
      return Status::error(StatusCode::kNotFound, "'{}' has no JNI_CreateJavaVM", escape(config.libjvm));
    }
    std::vector<std::string> texts = config.options;
    // The hooks come first, so that what the JVM says about a later option is heard.
    std::vector<JavaVMOption> options = {{const_cast<char*>("vfprintf"), reinterpret_cast<void*>(&vfprintf_hook)},
                                         {const_cast<char*>("exit"), reinterpret_cast<void*>(&exit_hook)},
                                         {const_cast<char*>("abort"), reinterpret_cast<void*>(&abort_hook)}};
    for (std::string& text : texts) options.push_back({text.data(), nullptr});
    JavaVMInitArgs arguments{JNI_VERSION_10, static_cast<jint>(options.size()), options.data(), JNI_TRUE};
    g_listening = true;
    jint code = create(&vm_, reinterpret_cast<void**>(&env), &arguments);
    g_listening = false;
    std::string said = take_said();
    if (code != JNI_OK) {
      return Status::malformed(
          "the JVM refused to start ({}, code {}){}; check worker.childopts and "
          "topology.worker.childopts",
          jni_error_name(code), code, said.empty() ? "" : ": " + said);
    }
    return set_context_loader(env);
  }();
  bool ok = status.ok();
  {
    std::lock_guard lock(mutex_);
    create_status_ = std::move(status);
    created_ = true;
  }
  wake_.notify_all();
  if (ok) run_posted(env);
}

void Jvm::run_posted(JNIEnv* env) {
  for (;;) {
    std::function<void(JNIEnv*)> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !work_.empty(); });
      if (work_.empty()) break;
      work = std::move(work_.front());
      work_.pop_front();
    }
    env->PushLocalFrame(64);
    work(env);
    Status left = take_java_exception(env);
    if (!left.ok()) logger.error("a call into Java left an exception: {}", left.message());
    env->PopLocalFrame(nullptr);
  }
  vm_->DetachCurrentThread();
}

std::vector<std::string> Jvm::flag_names() const {
  return vm_flag_names(library_);
}

void Jvm::post(std::function<void(JNIEnv*)> work) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    work_.push_back(std::move(work));
  }
  wake_.notify_all();
}

Status Jvm::run(const std::function<Status(JNIEnv*)>& work) {
  CHECK(!pthread_equal(pthread_self(), thread_));
  std::promise<Status> done;
  post([&](JNIEnv* env) { done.set_value(work(env)); });
  return done.get_future().get();
}

Status set_context_loader(JNIEnv* env) {
  JniRef<jclass> loader_type(env, env->FindClass("java/lang/ClassLoader"));
  JniRef<jclass> thread_type(env, env->FindClass("java/lang/Thread"));
  if (!loader_type || !thread_type) return take_java_exception(env);
  jmethodID system = env->GetStaticMethodID(loader_type.get(), "getSystemClassLoader", "()Ljava/lang/ClassLoader;");
  jmethodID current = env->GetStaticMethodID(thread_type.get(), "currentThread", "()Ljava/lang/Thread;");
  jmethodID set = env->GetMethodID(thread_type.get(), "setContextClassLoader", "(Ljava/lang/ClassLoader;)V");
  if (system == nullptr || current == nullptr || set == nullptr) return take_java_exception(env);
  JniRef<jobject> loader(env, env->CallStaticObjectMethod(loader_type.get(), system));
  RETURN_IF_ERROR(take_java_exception(env));
  JniRef<jobject> thread(env, env->CallStaticObjectMethod(thread_type.get(), current));
  RETURN_IF_ERROR(take_java_exception(env));
  env->CallVoidMethod(thread.get(), set, loader.get());
  return take_java_exception(env);
}

Result<std::unique_ptr<JvmAttachment>> JvmAttachment::attach(JavaVM* vm, const std::string& name) {
  std::string copy = name;
  JavaVMAttachArgs arguments{JNI_VERSION_10, copy.data(), nullptr};
  JNIEnv* env = nullptr;
  jint code = vm->AttachCurrentThreadAsDaemon(reinterpret_cast<void**>(&env), &arguments);
  if (code != JNI_OK) {
    return Status::error(StatusCode::kInternal, "attach thread '{}' to the JVM: {} (code {})", name,
                         jni_error_name(code), code);
  }
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  std::unique_ptr<JvmAttachment> attachment(new JvmAttachment(vm, env));
  RETURN_IF_ERROR(set_context_loader(env).with_context("thread '{}'", name));
  return attachment;
}

JvmAttachment::~JvmAttachment() {
  vm_->DetachCurrentThread();
}

}  // namespace petrel
