#include "jvm-bridge/native/jni_host.h"

#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_ref.h"
#include "jvm-bridge/native/plan_encoder.h"
#include "jvm-bridge/native/sample_decoder.h"
#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("jvm-host");

jbyteArray make_byte_array(JNIEnv* env, const std::string& bytes) {
  jbyteArray array = env->NewByteArray(static_cast<jsize>(bytes.size()));
  if (array != nullptr) {
    env->SetByteArrayRegion(array, 0, static_cast<jsize>(bytes.size()), reinterpret_cast<const jbyte*>(bytes.data()));
  }
  return array;
}

}  // namespace

JniHost::JniHost(Jvm& jvm, const JniTable& table, Reactor& reactor, HostExit& exit, BootFiles files)
    : jvm_(jvm), table_(table), reactor_(reactor), exit_(exit), files_(std::move(files)) {}

Result<std::string> JniHost::encode(const proto::PhysicalPlan& plan, const HostIdentity& host) {
  return encode_plan(plan, host);
}

Result<proto::HostSample> JniHost::decode(const std::string& sample) {
  return decode_sample({reinterpret_cast<const std::byte*>(sample.data()), sample.size()});
}

void JniHost::call(std::function<void(JNIEnv*)> body, Done done) {
  jvm_.post([this, body = std::move(body), done = std::move(done)](JNIEnv* env) {
    body(env);
    Status status = take_java_exception(env);
    reactor_.post([done, status] { done(status); });
  });
}

void JniHost::boot(std::string plan, Done done) {
  auto boot_call = [this, plan = std::move(plan)](JNIEnv* env) {
    JniRef<jbyteArray> plan_array(env, make_byte_array(env, plan));
    if (env->ExceptionCheck()) return;
    JniRef<jbyteArray> topology(env, make_byte_array(env, files_.topology));
    if (env->ExceptionCheck()) return;
    JniRef<jstring> conf(env, make_java_string(env, files_.conf_json));
    if (env->ExceptionCheck()) return;
    env->CallStaticVoidMethod(table_.host, table_.boot, plan_array.get(), topology.get(), conf.get());
    files_ = {};
  };
  call(boot_call, std::move(done));
}

void JniHost::start(bool active, Done done) {
  call([this,
        active](JNIEnv* env) { env->CallStaticVoidMethod(table_.host, table_.start, static_cast<jboolean>(active)); },
       std::move(done));
}

void JniHost::set_active(bool active, Done done) {
  call([this, active](
           JNIEnv* env) { env->CallStaticVoidMethod(table_.host, table_.set_active, static_cast<jboolean>(active)); },
       std::move(done));
}

void JniHost::drain(uint64_t epoch) {
  call([this, epoch](JNIEnv* env) { env->CallStaticVoidMethod(table_.host, table_.drain, static_cast<jlong>(epoch)); },
       [](const Status& status) {
         if (!status.ok()) logger.error("Host.drain: {}", status.message());
       });
}

void JniHost::sample(std::function<void(Result<std::string>)> done) {
  jvm_.post([this, done = std::move(done)](JNIEnv* env) {
    JniRef<jbyteArray> array(env, static_cast<jbyteArray>(env->CallStaticObjectMethod(table_.host, table_.sample)));
    Status status = take_java_exception(env);
    if (status.ok() && !array) status = Status(StatusCode::kInternal, "Host.sample gave null");
    std::string bytes;
    if (status.ok()) {
      bytes.resize(static_cast<size_t>(env->GetArrayLength(array.get())));
      env->GetByteArrayRegion(array.get(), 0, static_cast<jsize>(bytes.size()), reinterpret_cast<jbyte*>(bytes.data()));
    }
    reactor_.post([done, status, bytes = std::move(bytes)] {
      done(status.ok() ? Result<std::string>(bytes) : Result<std::string>(status));
    });
  });
}

void JniHost::stop(Millis grace, int exit_code) {
  constexpr int kForcedExit = 143;  // what a JVM that SIGTERM ended answers
  exit_.arm_watchdog(grace + Seconds(2), kForcedExit);
  jvm_.post([this, grace, exit_code](JNIEnv* env) {
    env->CallStaticVoidMethod(table_.host, table_.stop, static_cast<jlong>(grace.count()));
    Status status = take_java_exception(env);
    if (!status.ok()) logger.error("Host.stop: {}", status.message());
    env->CallStaticVoidMethod(table_.system, table_.exit, static_cast<jint>(exit_code));
  });
}

}  // namespace petrel
