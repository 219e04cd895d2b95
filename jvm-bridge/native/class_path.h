// The class path of a worker, in Storm's order, with wildcards expanded by us (an embedded JVM does not expand them).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "native/base/status.h"
#include "native/config/conf_value.h"

namespace petrel {

struct ClassPathInput {
  std::filesystem::path java_dir;      // holds storm-2.8/*.jar and host/*.jar
  std::filesystem::path code_dir;      // holds stormjar.jar and dependency jars
  std::vector<std::string> artifacts;  // file names in code_dir, as the ContainerSpec lists them
};

/// Order: topology.classpath.beginning (only where storm.topology.classpath.beginning.enabled is true), Storm's
/// libraries, the host's jars, stormjar.jar, dependency jars in their order, topology.classpath.
/// kNotFound when the java folder holds no Storm library or no host jar (the sentence says where it was looked for).
Result<std::vector<std::string>> worker_class_path(const ConfMap& conf, const ClassPathInput& input);

/// "a.jar:lib/*" -> a.jar and the jars of lib/, sorted by name (.jar and .JAR, not its sub-folders). An element that
/// does not exist stays, as in Storm; an empty one vanishes.
std::vector<std::string> expand_class_path(const std::string& text);

/// For -Djava.class.path=.
std::string join_class_path(const std::vector<std::string>& elements);

/// $PETREL_JAVA_DIR (given as `override`, may be empty), else <dir of the binary>/../java, else .../../../java.
/// kNotFound names what was tried.
Result<std::filesystem::path> find_java_dir(const std::string& override, const std::filesystem::path& executable);

}  // namespace petrel
