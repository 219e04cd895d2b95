#include "jvm-bridge/native/jni_table.h"

#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_ref.h"

namespace petrel {
namespace {

struct ClassRow {
  const char* name;
  jclass JniTable::* member;
};

struct MethodRow {
  jclass JniTable::* owner;
  const char* owner_name;
  const char* name;
  const char* signature;
  jmethodID JniTable::* member;
};

constexpr ClassRow kClasses[] = {
    {"io/petrel/host/Host", &JniTable::host},
    {"io/petrel/host/Native", &JniTable::native},
    {"java/lang/System", &JniTable::system},
};

constexpr MethodRow kMethods[] = {
    {&JniTable::host, "io.petrel.host.Host", "boot", "([B[BLjava/lang/String;)V", &JniTable::boot},
    {&JniTable::host, "io.petrel.host.Host", "start", "(Z)V", &JniTable::start},
    {&JniTable::host, "io.petrel.host.Host", "setActive", "(Z)V", &JniTable::set_active},
    {&JniTable::host, "io.petrel.host.Host", "sample", "()[B", &JniTable::sample},
    {&JniTable::host, "io.petrel.host.Host", "completions", "(Ljava/nio/ByteBuffer;I)V", &JniTable::completions},
    {&JniTable::host, "io.petrel.host.Host", "deliver", "(Ljava/nio/ByteBuffer;II)V", &JniTable::deliver},
    {&JniTable::host, "io.petrel.host.Host", "credit", "([I)V", &JniTable::credit},
    {&JniTable::host, "io.petrel.host.Host", "pressure", "(I)V", &JniTable::pressure},
    {&JniTable::host, "io.petrel.host.Host", "drain", "(J)V", &JniTable::drain},
    {&JniTable::host, "io.petrel.host.Host", "stop", "(J)V", &JniTable::stop},
    {&JniTable::system, "java.lang.System", "exit", "(I)V", &JniTable::exit},
};

}  // namespace

Result<JniTable> JniTable::resolve(JNIEnv* env) {
  JniTable table;
  for (const ClassRow& row : kClasses) {
    JniRef<jclass> found(env, env->FindClass(row.name));
    if (!found) {
      Status why = take_java_exception(env);
      std::string dotted = row.name;
      for (char& c : dotted) c = c == '/' ? '.' : c;
      return Status::error(StatusCode::kNotFound,
                           "class {} is not to be had; host/petrel-host-*.jar must be on the class "
                           "path ('./dev build' makes them): {}",
                           dotted, why.message());
    }
    table.*row.member = static_cast<jclass>(env->NewGlobalRef(found.get()));
  }
  for (const MethodRow& row : kMethods) {
    table.*row.member = env->GetStaticMethodID(table.*row.owner, row.name, row.signature);
    if (table.*row.member != nullptr) continue;
    Status why = take_java_exception(env);
    return Status::error(StatusCode::kNotFound,
                         "{} has no static method {}{}; the jars in host/ do not belong to this "
                         "petrel-jvm-host ({})",
                         row.owner_name, row.name, row.signature, why.message());
  }
  return table;
}

}  // namespace petrel
