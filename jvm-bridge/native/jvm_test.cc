// A real JVM in this process (one for all tests), and one per test in child processes where the process must end.
#include "jvm-bridge/native/jvm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "jvm-bridge/native/jni_completions.h"
#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_links.h"
#include "jvm-bridge/native/jni_ref.h"
#include "jvm-bridge/native/jni_table.h"
#include "jvm-bridge/native/jvm_options.h"
#include "jvm-bridge/native/native_calls.h"
#include "jvm-bridge/native/test_classes.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ExitedWithCode;
using testing::HasSubstr;
using testing::Not;

std::string classes() {
  return test_classes("jvm_test_classes");
}

class RecordedCalls : public NativeCalls {
 public:
  void ledger_open(int32_t task, int64_t timeout_ms) override { note(fmt::format("open {} {}", task, timeout_ms)); }
  void ledger_records(std::span<const std::byte> records) override {
    if (records.size() % 32 != 0) throw std::invalid_argument("not whole records");
    note(fmt::format("records {} first byte {}", records.size(), records.empty() ? 0 : static_cast<int>(records[0])));
  }
  void ledger_recorded(bool here) override { note(here ? "recorded here" : "recorded"); }
  void prepared() override { note("prepared"); }
  void report_error(std::string component, int32_t task, std::string text, int64_t wall_ms) override {
    if (component == "throw") throw 42;  // not even a std::exception
    note(fmt::format("error {} {} {} {}", component, task, text, wall_ms));
  }
  void die(JNIEnv*, std::string component, int32_t task, std::string text, int code) override {
    note(fmt::format("die {} {} {} {}", component, task, text, code));
  }
  std::vector<std::string> calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  void note(std::string call) {
    std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }
  std::mutex mutex_;
  std::vector<std::string> calls_;
};

JvmConfig config(const std::string& class_path) {
  JvmConfig c;
  c.libjvm = test_libjvm();
  c.options = {"-Xmx64m", "-Xss512k", "-XX:+UseSerialGC", "-Djava.class.path=" + class_path};
  return c;
}

// The JVM of this process, for the tests that do not end it.
struct Shared {
  RecordedCalls calls;
  JniTable table;
  std::unique_ptr<Jvm> jvm;
};

Shared& shared() {
  static Shared* one = [] {
    auto* s = new Shared();
    JvmConfig c = config(classes());
    c.options.push_back("-Xcheck:jni");
    Result<std::unique_ptr<Jvm>> jvm = Jvm::create(c, {});
    if (!jvm.ok()) ADD_FAILURE() << jvm.status().message();
    CHECK(jvm.ok());
    s->jvm = std::move(*jvm);
    Status status = s->jvm->run([s](JNIEnv* env) -> Status {
      ASSIGN_OR_RETURN(s->table, JniTable::resolve(env));
      return register_native_calls(env, s->table.native, &s->calls);
    });
    if (!status.ok()) ADD_FAILURE() << status.message();
    return s;
  }();
  return *one;
}

// Calls Probe.<method>; the arguments as jvalues.
struct ProbeCall {
  JNIEnv* env;
  jclass type;
  jmethodID method;
  ProbeCall(JNIEnv* e, const char* name, const char* signature) : env(e) {
    type = env->FindClass("io/petrel/host/Probe");
    method = type == nullptr ? nullptr : env->GetStaticMethodID(type, name, signature);
    if (method == nullptr) {
      env->ExceptionDescribe();
      CHECK(method != nullptr);
    }
  }
};

Status call_void(const char* name, const char* signature, std::vector<jvalue> arguments = {}) {
  return shared().jvm->run([&](JNIEnv* env) {
    ProbeCall probe(env, name, signature);
    env->CallStaticVoidMethodA(probe.type, probe.method, arguments.data());
    return take_java_exception(env);
  });
}

// The text of a returned String; an exception of the call stays pending for take_java_exception.
std::string text_of(JNIEnv* env, jobject text) {
  return env->ExceptionCheck() ? "" : from_java_string(env, static_cast<jstring>(text));
}

std::string call_string(JNIEnv* env, const char* name) {
  ProbeCall probe(env, name, "()Ljava/lang/String;");
  return text_of(env, env->CallStaticObjectMethod(probe.type, probe.method));
}

std::string host_calls() {
  std::string text;
  Status status = shared().jvm->run([&](JNIEnv* env) {
    jmethodID method = env->GetStaticMethodID(shared().table.host, "calls", "()Ljava/lang/String;");
    text = text_of(env, env->CallStaticObjectMethod(shared().table.host, method));
    return take_java_exception(env);
  });
  EXPECT_TRUE(status.ok());
  return text;
}

TEST(JvmTest, AnExceptionBecomesAStatusWithCausesAndFrames) {
  Status status = call_void("fail", "()V");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_THAT(status.message(), testing::StartsWith("java.lang.IllegalStateException: outer é世\n"));
  EXPECT_THAT(status.message(), HasSubstr("at io.petrel.host.Probe.fail(Probe.java:"));
  EXPECT_THAT(status.message(),
              HasSubstr("Caused by: java.lang.NumberFormatException: For input string: \"no number\""));
  EXPECT_TRUE(call_void("faults", "(I)I", {jvalue{.i = 1}}).ok()) << "nothing stays pending";
}

TEST(JvmTest, AnExceptionThatCannotDescribeItselfStillHasAName) {
  Status status = call_void("failTwice", "()V");
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("io.petrel.host.Probe$1"));
}

TEST(JvmTest, StackOverflowIsAnExceptionOnTheMainAndOnAttachedThreads) {
  EXPECT_THAT(call_void("overflow", "()V").message(), HasSubstr("java.lang.StackOverflowError"));
  std::string message;
  std::thread([&] {
    auto attachment = JvmAttachment::attach(shared().jvm->vm(), "deep");
    ASSERT_TRUE(attachment.ok());
    JNIEnv* env = (*attachment)->env();
    ProbeCall probe(env, "overflow", "()V");
    env->CallStaticVoidMethod(probe.type, probe.method);
    message = take_java_exception(env).message();
  }).join();
  EXPECT_THAT(message, HasSubstr("java.lang.StackOverflowError"));
  EXPECT_TRUE(call_void("faults", "(I)I", {jvalue{.i = 1}}).ok());
}

TEST(JvmTest, OutOfMemoryIsAnExceptionAndTheJvmLives) {
  EXPECT_THAT(call_void("exhaust", "()I").message(), HasSubstr("java.lang.OutOfMemoryError"));
  EXPECT_THAT(call_void("exhaust", "()I").message(), HasSubstr("java.lang.OutOfMemoryError"));
}

TEST(JvmTest, FaultsOfCompiledCodeStayTheJvms) {
  int caught = 0;
  Status status = shared().jvm->run([&](JNIEnv* env) {
    ProbeCall probe(env, "faults", "(I)I");
    caught = env->CallStaticIntMethod(probe.type, probe.method, 200'000);
    return take_java_exception(env);
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(caught, 200'000);
}

TEST(JvmTest, AnAttachedThreadHasNamesAndTheSystemLoader) {
  std::string seen;
  char os_name[16] = {};
  std::thread([&] {
    auto attachment = JvmAttachment::attach(shared().jvm->vm(), "petrel-ledger-with-a-long-name");
    ASSERT_TRUE(attachment.ok()) << attachment.status().message();
    seen = call_string((*attachment)->env(), "thread");
    pthread_getname_np(pthread_self(), os_name, sizeof os_name);
  }).join();
  EXPECT_EQ(seen, "petrel-ledger-with-a-long-name daemon=true system=true");
  EXPECT_STREQ(os_name, "petrel-ledger-w");
}

TEST(JvmTest, TheMainThreadHasTheSystemLoader) {
  std::string seen;
  ASSERT_TRUE(shared()
                  .jvm
                  ->run([&](JNIEnv* env) {
                    seen = call_string(env, "thread");
                    return Status();
                  })
                  .ok());
  EXPECT_EQ(seen, "main daemon=false system=true");
}

TEST(JvmTest, StringsSurviveTheBorder) {
  using namespace std::string_literals;
  for (const std::string& text : {"plain"s, ""s, "é世界😀"s, "a\0b"s, std::string(70'000, 'x')}) {
    std::string back;
    ASSERT_TRUE(shared()
                    .jvm
                    ->run([&](JNIEnv* env) {
                      ProbeCall probe(env, "echo", "(Ljava/lang/String;)Ljava/lang/String;");
                      jstring java = make_java_string(env, text);
                      back = from_java_string(
                          env, static_cast<jstring>(env->CallStaticObjectMethod(probe.type, probe.method, java)));
                      return take_java_exception(env);
                    })
                    .ok());
    EXPECT_EQ(back, text);
  }
}

TEST(JvmTest, BrokenUtf8BecomesReplacementCharacters) {
  for (auto [broken, want] : {std::pair<std::string, std::string>{"a\xFFz", "a\uFFFDz"},
                              {"\xE4\xB8", "\uFFFD\uFFFD"},
                              {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
                              {"\xC0\x80", "\uFFFD\uFFFD"}}) {
    std::string back;
    ASSERT_TRUE(shared()
                    .jvm
                    ->run([&](JNIEnv* env) {
                      back = from_java_string(env, make_java_string(env, broken));
                      return Status();
                    })
                    .ok());
    EXPECT_EQ(back, want);
  }
}

TEST(JvmTest, ASecondJvmIsASentence) {
  shared();
  auto second = Jvm::create(config(classes()), {});
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr("a new JVM needs a new process"));
}

TEST(JvmTest, TheJvmTellsItsFlags) {
  std::vector<std::string> flags = shared().jvm->flag_names();
  EXPECT_THAT(flags, Contains("UseG1GC"));
  EXPECT_THAT(flags, Not(Contains("UseG1Gc")));
  EXPECT_THAT(warn_unknown_flags({"-XX:+UseSerialGC", "-XX:MaxHeapSise=5"}, flags),
              testing::ElementsAre(HasSubstr("did you mean MaxHeapSize?")));
}

TEST(NativeCallsTest, RecordsAreCheckedBeforeTheyAreRead) {
  size_t before = shared().calls.calls().size();
  EXPECT_TRUE(call_void("records", "(IZ)V", {jvalue{.i = 64}, jvalue{.z = JNI_TRUE}}).ok());
  ASSERT_EQ(shared().calls.calls().size(), before + 1);
  EXPECT_EQ(shared().calls.calls().back(), "records 64 first byte 77");
  EXPECT_THAT(call_void("records", "(IZ)V", {jvalue{.i = 65}, jvalue{.z = JNI_TRUE}}).message(),
              HasSubstr("65 bytes in a buffer of 64"));
  EXPECT_THAT(call_void("records", "(IZ)V", {jvalue{.i = -1}, jvalue{.z = JNI_TRUE}}).message(), HasSubstr("-1 bytes"));
  EXPECT_THAT(call_void("records", "(IZ)V", {jvalue{.i = 32}, jvalue{.z = JNI_FALSE}}).message(),
              HasSubstr("not a direct ByteBuffer"));
  EXPECT_THAT(call_void("records", "(IZ)V", {jvalue{.i = 31}, jvalue{.z = JNI_TRUE}}).message(),
              HasSubstr("java.lang.RuntimeException: not whole records"));
  EXPECT_EQ(shared().calls.calls().size(), before + 1);
}

TEST(NativeCallsTest, ACppExceptionOfAnyKindBecomesAJavaException) {
  Status status = shared().jvm->run([&](JNIEnv* env) {
    ProbeCall probe(env, "report", "(Ljava/lang/String;Ljava/lang/String;)V");
    env->CallStaticVoidMethod(probe.type, probe.method, make_java_string(env, "throw"), make_java_string(env, "x"));
    return take_java_exception(env);
  });
  EXPECT_THAT(status.message(), HasSubstr("java.lang.RuntimeException: native code failed"));
}

TEST(NativeCallsTest, ReportsCarryTextOfAnyAlphabet) {
  ASSERT_TRUE(shared()
                  .jvm
                  ->run([&](JNIEnv* env) {
                    ProbeCall probe(env, "report", "(Ljava/lang/String;Ljava/lang/String;)V");
                    env->CallStaticVoidMethod(probe.type, probe.method, make_java_string(env, "bolt-é"),
                                              make_java_string(env, "世😀"));
                    return take_java_exception(env);
                  })
                  .ok());
  EXPECT_EQ(shared().calls.calls().back(), "error bolt-é 3 世😀 1234");
}

TEST(JniCompletionsTest, MoreThanOneBufferArrivesInOrder) {
  std::thread([] {
    auto attachment = JvmAttachment::attach(shared().jvm->vm(), "petrel-ledger");
    ASSERT_TRUE(attachment.ok());
    JniCompletions completions((*attachment)->env(), shared().table);
    std::vector<Completion> many;
    for (uint64_t i = 0; i < JniCompletions::kMost + 2; ++i) many.push_back({i, 9, CompletionKind::kTimeout});
    completions.deliver(many);
  }).join();
  std::string calls = host_calls();
  for (uint64_t i : {uint64_t{0}, uint64_t{4095}, uint64_t{4096}, uint64_t{4097}}) {
    EXPECT_THAT(calls, HasSubstr(fmt::format("completion {} 9 3\n", i)));
  }
  EXPECT_LT(calls.find("completion 4095 9 3"), calls.find("completion 4096 9 3"));
}

InSection section_of(const std::shared_ptr<const std::string>& bytes, int32_t task) {
  InSection section;
  section.destination_task = task;
  section.count = 1;
  section.frame = bytes;
  section.bytes = *bytes;
  return section;
}

TEST(JniLinksTest, TheBytesOfALargeSectionAreFetchedOnce) {
  auto large = std::make_shared<const std::string>(JniLinks::kBufferBytes + 300'000, 'x');
  auto dropped = std::make_shared<const std::string>(*large);
  auto left = std::make_shared<const std::string>(*large);
  const auto small = std::make_shared<const std::string>(1000, 'y');
  const std::vector<InSection> sections = {section_of(small, 7), section_of(large, 7), section_of(dropped, 2),
                                           section_of(left, 1), section_of(small, 7)};
  ASSERT_TRUE(
      shared()
          .jvm->run([](JNIEnv* env) { return register_link_natives(env, shared().table.native, &shared().calls); })
          .ok());
  std::thread([&] {
    auto attachment = JvmAttachment::attach(shared().jvm->vm(), "petrel-links");
    ASSERT_TRUE(attachment.ok());
    JniLinks links((*attachment)->env(), shared().table);
    links.deliver(sections);
    EXPECT_EQ(large.use_count(), 2) << "ours and that of `sections`";
    EXPECT_EQ(dropped.use_count(), 2);
    EXPECT_EQ(left.use_count(), 3) << "nobody has taken it";
  }).join();
  EXPECT_EQ(left.use_count(), 2) << "it is dropped with the links";
  int32_t hash = 1;  // Arrays.hashCode
  for (const char c : *large) hash = static_cast<int32_t>(31U * static_cast<uint32_t>(hash) + static_cast<uint32_t>(c));
  const std::string calls = host_calls();
  EXPECT_THAT(calls, HasSubstr(fmt::format("deliver 5 {}\n", 5 * 36 + 2 * 1000 + 3 * 8))) << "one upcall";
  EXPECT_THAT(calls, HasSubstr(fmt::format("large {} sum {}\nagain: ", large->size(), hash)));
  EXPECT_THAT(calls, HasSubstr(fmt::format("large {} sum 0\nagain: ", large->size())));
  EXPECT_THAT(calls, HasSubstr("is not here, or no longer"));
}

// --- the rest ends its process, or needs a JVM of its own ------------------------------------------------------------

class JvmExitTest : public testing::Test {
 protected:
  JvmExitTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  // Runs Probe.<method>(code) in a fresh JVM whose exit hook answers with `code` + 100, so that the hook's part shows.
  [[noreturn]] static void run_probe(const char* method, int code) {
    auto jvm = Jvm::create(config(classes()), {[](int seen) {
                                                 fmt::print(stderr, "hook saw {}\n", seen);
                                                 _exit(seen + 100);
                                               },
                                               {}});
    if (!jvm.ok()) _exit(99);
    Status status = (*jvm)->run([&](JNIEnv* env) {
      ProbeCall probe(env, method, "(I)V");
      env->CallStaticVoidMethod(probe.type, probe.method, code);
      return take_java_exception(env);
    });
    for (;;) pause();  // System.exit of another thread ends us
  }
};

TEST_F(JvmExitTest, TheHookSeesSystemExit) {
  EXPECT_EXIT(run_probe("exit", 7), ExitedWithCode(107), "hook saw 7");
}

TEST_F(JvmExitTest, TheHookSeesAnExitOfAUserThread) {
  EXPECT_EXIT(run_probe("exitFromThread", 11), ExitedWithCode(111), "hook saw 11");
}

TEST_F(JvmExitTest, TheHookSeesHalt) {
  EXPECT_EXIT(run_probe("halt", 3), ExitedWithCode(103), "hook saw 3");
}

TEST_F(JvmExitTest, AMissingHostClassIsASentence) {
  auto body = [] {
    auto jvm = Jvm::create(config("/nowhere"), {});
    if (!jvm.ok()) _exit(99);
    Status status = (*jvm)->run([](JNIEnv* env) { return JniTable::resolve(env).status(); });
    fmt::print(stderr, "{}\n", status.to_string());
    _exit(1);
  };
  EXPECT_EXIT(body(), ExitedWithCode(1), "class io.petrel.host.Host is not to be had; host/petrel-host");
}

TEST_F(JvmExitTest, AMissingMethodIsASentence) {
  std::string without_stop = test_classes("jvm_test_without_stop", {{"Host.java", "void stop(", "void halt("}});
  auto body = [&] {
    auto jvm = Jvm::create(config(without_stop), {});
    if (!jvm.ok()) _exit(99);
    Status status = (*jvm)->run([](JNIEnv* env) { return JniTable::resolve(env).status(); });
    fmt::print(stderr, "{}\n", status.to_string());
    _exit(1);
  };
  EXPECT_EXIT(body(), ExitedWithCode(1), "io.petrel.host.Host has no static method stop\\(J\\)V");
}

TEST_F(JvmExitTest, AMissingNativeIsASentence) {
  std::string not_native = test_classes(
      "jvm_test_not_native", {{"Native.java", "static native void prepared();", "static void prepared() {}"}});
  auto body = [&] {
    auto jvm = Jvm::create(config(not_native), {});
    if (!jvm.ok()) _exit(99);
    static RecordedCalls calls;
    Status status = (*jvm)->run([](JNIEnv* env) -> Status {
      ASSIGN_OR_RETURN(JniTable table, JniTable::resolve(env));
      return register_native_calls(env, table.native, &calls);
    });
    fmt::print(stderr, "{}\n", status.to_string());
    _exit(1);
  };
  EXPECT_EXIT(body(), ExitedWithCode(1), "io.petrel.host.Native has no native method prepared\\(\\)V");
}

TEST_F(JvmExitTest, ARefusedOptionIsQuoted) {
  auto body = [] {
    JvmConfig c = config(classes());
    c.options.push_back("-Xmx12zz");
    auto jvm = Jvm::create(c, {});
    fmt::print(stderr, "{}\n", jvm.status().to_string());
    _exit(1);
  };
  EXPECT_EXIT(body(), ExitedWithCode(1), "the JVM refused to start.*Xmx12zz.*check worker.childopts");
}

TEST_F(JvmExitTest, StormsDefaultChildoptsStartAJvm) {
  auto body = [] {
    std::string pattern = testing::TempDir() + "/jvm_test_XXXXXX";
    if (chdir(mkdtemp(pattern.data())) != 0) _exit(98);
    fs::create_directory("artifacts");
    WorkerIdentity worker;
    worker.code_dir = worker.worker_dir = worker.log_dir = worker.local_dir = worker.petrel_home = fs::current_path();
    ConfMap conf;
    conf.set("worker.childopts",
             "-Xmx%HEAP-MEM%m -XX:+IgnoreUnrecognizedVMOptions -XX:+PrintGCDetails -Xloggc:artifacts/gc.log "
             "-XX:+PrintGCDateStamps -XX:+PrintGCTimeStamps -XX:+UseGCLogFileRotation -XX:NumberOfGCLogFiles=10 "
             "-XX:GCLogFileSize=1M -XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath=artifacts/heapdump");
    conf.set("topology.worker.childopts",
             "-Xmx48m -server -XX:+UseSerialGc -Dmine=1 --add-opens java.base/java.lang=ALL-UNNAMED");
    auto options = worker_jvm_options(conf, worker);
    if (!options.ok()) _exit(97);
    JvmConfig c = config(classes());
    c.options = options->options;
    c.options.push_back("-Djava.class.path=" + classes());
    auto jvm = Jvm::create(c, {});
    if (!jvm.ok()) fmt::print(stderr, "{}\n", jvm.status().to_string());
    if (!jvm.ok()) _exit(99);
    for (const std::string& warning : warn_unknown_flags(c.options, (*jvm)->flag_names())) {
      fmt::print(stderr, "warning: {}\n", warning);
    }
    Status status = (*jvm)->run([](JNIEnv* env) {
      ProbeCall probe(env, "property", "(Ljava/lang/String;)Ljava/lang/String;");
      jobject value = env->CallStaticObjectMethod(probe.type, probe.method, make_java_string(env, "mine"));
      fmt::print(stderr, "mine={}\n", text_of(env, value));
      return take_java_exception(env);
    });
    _exit(status.ok() ? 5 : 96);
  };
  EXPECT_EXIT(body(), ExitedWithCode(5), "warning: JVM option '-XX:.UseSerialGc' has no effect.*UseSerialGC.*\nmine=1");
}

TEST_F(JvmExitTest, AHandlerInstalledAfterTheJvmGetsSigterm) {
  auto body = [] {
    auto jvm = Jvm::create(config(classes()), {});
    if (!jvm.ok()) _exit(99);
    signal(SIGTERM, [](int) { _exit(55); });
    kill(getpid(), SIGTERM);
    for (;;) pause();
  };
  EXPECT_EXIT(body(), ExitedWithCode(55), "");
}

TEST(FindLibjvm, SaysWhatItTried) {
  Result<std::string> wrong = find_libjvm("/nowhere/jdk");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.status().message(), HasSubstr("JAVA_HOME '/nowhere/jdk' has no lib/server/libjvm.so"));
  EXPECT_THAT(find_libjvm("", "/nowhere").status().message(), HasSubstr("no JDK from 17 up under '/nowhere'"));
}

TEST(FindLibjvm, TakesTheNewestFrom17Up) {
  std::string pattern = testing::TempDir() + "/jdks_XXXXXX";
  fs::path root = mkdtemp(pattern.data());
  for (auto [name, version] : {std::pair{"a", "17.0.15"}, {"b", "21"}, {"c", "11.0.2"}, {"d", "9"}}) {
    fs::create_directories(root / name / "lib/server");
    std::ofstream(root / name / "lib/server/libjvm.so") << "x";
    std::ofstream(root / name / "release") << "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" << version << "\"\n";
  }
  EXPECT_EQ(*find_libjvm("", root), (root / "b/lib/server/libjvm.so").string());
  fs::remove_all(root / "a");
  fs::remove_all(root / "b");
  EXPECT_FALSE(find_libjvm("", root).ok()) << "11 is too old";
  fs::remove_all(root);
}

}  // namespace
}  // namespace petrel
