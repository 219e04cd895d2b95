#include "jvm-bridge/native/test_classes.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "jvm-bridge/native/jvm.h"
#include "native/container/process_launcher.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace fs = std::filesystem;
namespace {

fs::path sources_dir() {
  return fs::path(PETREL_SOURCE_DIR) / "jvm-bridge/native/testdata/io/petrel/host";
}

// Runs a tool of the JDK; its complaints go to our stderr file beside `log`.
void run_tool(const std::string& tool, std::vector<std::string> arguments, const fs::path& log) {
  AsioReactor reactor;
  SystemLauncher launcher(reactor);
  ProcessSpec spec;
  spec.argv = {(fs::path(test_libjvm()).parent_path() / "../../bin" / tool).string()};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.stdout_file = log.string();
  bool ended = false;
  ExitStatus status;
  auto started = launcher.spawn(spec, [&](ExitStatus s) {
    status = s;
    ended = true;
  });
  CHECK(started.ok());
  CHECK(reactor.run_until([&] { return ended; }, Seconds(120)));
  if (status.code != 0) {
    std::ifstream said(log);
    fmt::print(stderr, "{}: {}\n{}\n", tool, status.to_string(), std::string(std::istreambuf_iterator<char>(said), {}));
  }
  CHECK(status.code == 0);
}

void copy_edited(const fs::path& from, const fs::path& to, const std::vector<SourceEdit>& edits) {
  std::ifstream in(from);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  for (const SourceEdit& edit : edits) {
    if (edit.file != from.filename()) continue;
    size_t at = text.find(edit.from);
    CHECK(at != std::string::npos);
    for (; at != std::string::npos; at = text.find(edit.from, at + edit.to.size())) {
      text.replace(at, edit.from.size(), edit.to);
    }
  }
  std::ofstream(to) << text;
}

bool is_fresh(const fs::path& done) {
  std::error_code error;
  auto made = fs::last_write_time(done, error);
  if (error) return false;
  for (const fs::directory_entry& file : fs::directory_iterator(sources_dir())) {
    if (fs::last_write_time(file) >= made) return false;
  }
  return true;
}

// Puts a finished folder in place; another process may have been first.
void publish(const fs::path& work, const fs::path& out) {
  std::ofstream(work / "done") << "done";
  fs::remove_all(out);
  std::error_code raced;
  fs::rename(work, out, raced);
  if (raced) fs::remove_all(work);
}

}  // namespace

std::string test_libjvm() {
  const char* home = std::getenv("JAVA_HOME");
  Result<std::string> found = find_libjvm(home == nullptr ? "" : home);
  CHECK(found.ok());
  return *found;
}

std::string test_classes(const std::string& name, const std::vector<SourceEdit>& edits) {
  fs::path out = fs::path(PETREL_BUILD_DIR) / "testdata" / name;
  if (is_fresh(out / "done")) return out.string();
  fs::path work = out.string() + "." + std::to_string(getpid());
  fs::remove_all(work);
  fs::create_directories(work / "src");
  // For any JDK from 17 up: what one has compiled, another may run later.
  std::vector<std::string> arguments = {"-nowarn", "--release", "17", "-d", work.string()};
  for (const fs::directory_entry& file : fs::directory_iterator(sources_dir())) {
    fs::path copy = work / "src" / file.path().filename();
    copy_edited(file.path(), copy, edits);
    arguments.push_back(copy.string());
  }
  run_tool("javac", arguments, work / "javac.log");
  publish(work, out);
  return out.string();
}

std::string test_java_dir() {
  fs::path out = fs::path(PETREL_BUILD_DIR) / "testdata" / "jvm_host_java";
  if (is_fresh(out / "done")) return out.string();
  fs::path work = out.string() + "." + std::to_string(getpid());
  fs::remove_all(work);
  for (const char* folder : {"storm-2.8", "host"}) {
    fs::create_directories(work / folder);
    run_tool("jar",
             {"--create", "--file", (work / folder / "h.jar").string(), "-C", test_classes("jvm_test_classes"), "io"},
             work / "jar.log");
  }
  publish(work, out);
  return out.string();
}

}  // namespace petrel
