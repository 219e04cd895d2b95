#include "native/bin/java_launch.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <fstream>

#include "native/base/escape.h"

namespace petrel::cli {
namespace fs = std::filesystem;
namespace {

constexpr int kOldestJava = 17;  // storm-client 2.8 is compiled for it

/// The feature release from <home>/release (JAVA_VERSION="17.0.15"), 0 when it cannot be told.
int java_release(const fs::path& home) {
  std::ifstream in(home / "release");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("JAVA_VERSION=\"")) continue;
    int first = 0, second = 0;  // "17.0.15", and before Java 9 "1.8.0_392"
    const char* end = line.data() + line.size();
    const auto parsed = std::from_chars(line.data() + 14, end, first);
    if (parsed.ptr < end) std::from_chars(parsed.ptr + 1, end, second);
    return first == 1 ? second : first;
  }
  return 0;
}

bool has_java(const fs::path& home) {
  return ::access((home / "bin/java").c_str(), X_OK) == 0;
}

}  // namespace

Result<fs::path> find_java_home(const std::string& configured, const Environment& environment,
                                const fs::path& jvm_root) {
  if (!configured.empty()) {
    if (has_java(configured)) return fs::path(configured);
    return Status::malformed("java.home '{}' has no bin/java; set it to a JDK of version {} or newer",
                             escape(configured), kOldestJava);
  }
  if (const auto home = environment("JAVA_HOME"); home && !home->empty()) {
    if (has_java(*home)) return fs::path(*home);
    return Status::malformed("JAVA_HOME '{}' has no bin/java; set it to a JDK of version {} or newer", escape(*home),
                             kOldestJava);
  }
  fs::path best;
  int best_release = kOldestJava - 1;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(jvm_root, error)) {
    const fs::path& home = entry.path();
    if (fs::is_symlink(home, error) || !has_java(home)) continue;
    if (const int release = java_release(home); release > best_release) {
      best = home;
      best_release = release;
    }
  }
  if (best.empty()) {
    return Status::error(StatusCode::kNotFound,
                         "no JDK of version {} or newer below {}; install openjdk-17-jdk-headless or set JAVA_HOME",
                         kOldestJava, jvm_root.string());
  }
  return best;
}

Result<fs::path> find_java_dir(const std::string& configured, const Environment& environment, const fs::path& exe_dir) {
  std::vector<fs::path> places;
  if (!configured.empty()) places.emplace_back(configured);
  if (const auto dir = environment("PETREL_JAVA_DIR"); dir && !dir->empty()) places.emplace_back(*dir);
  if (places.empty()) places = {exe_dir / "../java", exe_dir / "../../java"};
  std::string looked;
  for (fs::path& place : places) {
    std::error_code error;
    place = place.lexically_normal();
    if (fs::is_directory(place / "storm-2.8", error)) return place;
    looked += (looked.empty() ? "" : ", ") + place.string();
  }
  return Status::error(StatusCode::kNotFound,
                       "the folder with Storm's client jars (storm-2.8) is in none of: {}; run ./dev setup, or set "
                       "PETREL_JAVA_DIR",
                       looked);
}

Result<std::vector<std::string>> jars_of(const fs::path& directory) {
  std::vector<std::string> jars;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".jar") jars.push_back(entry.path().string());
  }
  if (error) return Status::error(StatusCode::kIo, "list {}: {}", directory.string(), error.message());
  if (jars.empty()) return Status::error(StatusCode::kNotFound, "no jar in {}", directory.string());
  std::sort(jars.begin(), jars.end());
  return jars;
}

std::string url_encode(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-' || c == '~') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::vector<std::string>> shell_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;  // a word has begun
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      open = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      open = true;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (open) words.push_back(std::move(word));
      word.clear();
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (quote != 0) return Status::malformed("an open {} in '{}'", quote, escape(text));
  if (open) words.push_back(std::move(word));
  return words;
}

namespace {
std::string joined(const std::vector<std::string>& parts, char separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}
}  // namespace

std::vector<std::string> java_command(const JarRun& run) {
  std::vector<std::string> class_path = run.storm_jars;
  class_path.push_back(run.ext_classpath);
  class_path.push_back(run.jar);
  class_path.insert(class_path.end(), run.conf_dirs.begin(), run.conf_dirs.end());
  class_path.insert(class_path.end(), run.extra_jars.begin(), run.extra_jars.end());
  std::vector<std::string> options;
  for (const std::string& option : run.storm_options) options.push_back(url_encode(option));
  std::vector<std::string> command = {(run.java_home / "bin/java").string(),
                                      "-client",
                                      "-Ddaemon.name=",
                                      "-Dstorm.options=" + joined(options, ','),
                                      "-Dstorm.home=" + run.storm_home,
                                      "-Dstorm.log.dir=" + run.log_dir,
                                      "-Dstorm.conf.file=" + run.conf_file,
                                      "-cp",
                                      joined(class_path, ':')};
  command.insert(command.end(), run.jvm_options.begin(), run.jvm_options.end());
  command.push_back("-Dstorm.jar=" + run.jar);
  command.push_back("-Dstorm.dependency.jars=" + joined(run.extra_jars, ','));
  command.push_back("-Dstorm.dependency.artifacts={}");
  command.push_back(run.main_class);
  command.insert(command.end(), run.args.begin(), run.args.end());
  return command;
}

Status become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& arg : command) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  return Status::from_errno(errno, "start " + command[0]);
}

}  // namespace petrel::cli
