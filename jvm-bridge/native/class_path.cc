#include "jvm-bridge/native/class_path.h"

#include <algorithm>

#include "native/base/escape.h"

namespace petrel {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> jars_of(const fs::path& folder) {
  std::vector<std::string> jars;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string extension = it->path().extension().string();
    if (extension == ".jar" || extension == ".JAR") jars.push_back(it->path().string());
  }
  std::sort(jars.begin(), jars.end());
  return jars;
}

void append(std::vector<std::string>& to, std::vector<std::string> from) {
  for (std::string& element : from) to.push_back(std::move(element));
}

Result<std::vector<std::string>> user_elements(const ConfMap& conf, const char* key) {
  ASSIGN_OR_RETURN(std::vector<std::string> values, conf.get_strings(key));
  std::vector<std::string> out;
  for (const std::string& value : values) {
    if (value.find('\0') != std::string::npos) {
      return Status::malformed("{}: '{}' holds a NUL byte; remove it", key, escape(value));
    }
    append(out, expand_class_path(value));
  }
  return out;
}

}  // namespace

std::vector<std::string> expand_class_path(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(':', at), text.size());
    std::string element = text.substr(at, end - at);
    at = end + 1;
    if (element.empty()) continue;
    if (element == "*") {
      append(out, jars_of("."));
    } else if (element.ends_with("/*")) {
      append(out, jars_of(element.substr(0, element.size() - 2)));
    } else {
      out.push_back(std::move(element));
    }
  }
  return out;
}

std::string join_class_path(const std::vector<std::string>& elements) {
  std::string out;
  for (const std::string& element : elements) {
    if (!out.empty()) out += ':';
    out += element;
  }
  return out;
}

Result<std::vector<std::string>> worker_class_path(const ConfMap& conf, const ClassPathInput& input) {
  std::vector<std::string> out;
  ASSIGN_OR_RETURN(bool beginning_allowed, conf.get_bool("storm.topology.classpath.beginning.enabled", false));
  if (beginning_allowed) {
    ASSIGN_OR_RETURN(std::vector<std::string> beginning, user_elements(conf, "topology.classpath.beginning"));
    append(out, std::move(beginning));
  }
  for (const char* part : {"storm-2.8", "host"}) {
    std::vector<std::string> jars = jars_of(input.java_dir / part);
    if (jars.empty()) {
      return Status::error(StatusCode::kNotFound,
                           "no jar in '{}'; './dev build' puts them there, or set PETREL_JAVA_DIR",
                           (input.java_dir / part).string());
    }
    append(out, std::move(jars));
  }
  out.push_back((input.code_dir / "stormjar.jar").string());
  for (const std::string& name : input.artifacts) {
    bool jar = name.ends_with(".jar") && name != "stormjar.jar";
    if (jar && name.find('/') == std::string::npos) out.push_back((input.code_dir / name).string());
  }
  ASSIGN_OR_RETURN(std::vector<std::string> user, user_elements(conf, "topology.classpath"));
  append(out, std::move(user));
  return out;
}

Result<fs::path> find_java_dir(const std::string& override, const fs::path& executable) {
  std::vector<fs::path> candidates;
  if (!override.empty()) {
    candidates.push_back(override);
  } else {
    candidates = {executable.parent_path() / "../java", executable.parent_path() / "../../java"};
  }
  std::string tried;
  for (const fs::path& candidate : candidates) {
    std::error_code error;
    if (fs::is_directory(candidate / "storm-2.8", error)) return fs::weakly_canonical(candidate);
    tried += (tried.empty() ? "'" : ", '") + candidate.lexically_normal().string() + "'";
  }
  return Status::error(StatusCode::kNotFound,
                       "the Java libraries (storm-2.8/, host/) are not in {}; set PETREL_JAVA_DIR", tried);
}

}  // namespace petrel
