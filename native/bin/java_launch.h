// java_launch: how a user's main class is run against the published storm-client jars: which JDK, which class path,
// which properties. Building the command is a pure function; become() turns this process
// into the JVM.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "native/base/status.h"

namespace petrel::cli {

using Environment = std::function<std::optional<std::string>(const std::string& variable)>;

/// JAVA_HOME when it is set (an error when it has no bin/java), else the newest JDK from 17 up below `jvm_root`.
/// `configured` (java.home of the settings) comes first when it is not empty.
Result<std::filesystem::path> find_java_home(const std::string& configured, const Environment& environment,
                                             const std::filesystem::path& jvm_root = "/usr/lib/jvm");

/// The folder with host/*.jar and storm-2.8/*.jar: `configured`, $PETREL_JAVA_DIR, <exe dir>/../java,
/// <exe dir>/../../java; the error lists where it looked.
Result<std::filesystem::path> find_java_dir(const std::string& configured, const Environment& environment,
                                            const std::filesystem::path& exe_dir);

/// Sorted *.jar of a folder.
Result<std::vector<std::string>> jars_of(const std::filesystem::path& directory);

struct JarRun {
  std::filesystem::path java_home;
  std::vector<std::string> storm_jars;  // storm-client and what it needs
  std::string jar;                      // the topology
  std::string main_class;
  std::vector<std::string> args;
  std::vector<std::string> extra_jars;     // --jars
  std::vector<std::string> storm_options;  // -c, as given
  std::string conf_file;                   // -Dstorm.conf.file
  std::vector<std::string> conf_dirs;      // on the class path, in order, behind the jar
  std::string storm_home;                  // -Dstorm.home
  std::string log_dir;                     // -Dstorm.log.dir
  std::vector<std::string> jvm_options;    // STORM_JAR_JVM_OPTS, split
  std::string ext_classpath;               // STORM_EXT_CLASSPATH
};

/// The command line, as Storm's client builds it: storm jars, STORM_EXT_CLASSPATH, the jar, conf folders, --jars.
std::vector<std::string> java_command(const JarRun& run);

/// As Python's quote_plus: what Utils.readCommandLineOpts decodes.
std::string url_encode(const std::string& text);

/// Shell-like words: quotes and backslashes. Errors: an open quote.
Result<std::vector<std::string>> shell_words(const std::string& text);

/// Becomes the command, so that signals and the exit code are the JVM's own. Returns only when it cannot be started.
Status become(const std::vector<std::string>& command);

}  // namespace petrel::cli
