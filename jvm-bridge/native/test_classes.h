// test_classes: the Java classes of testdata/, compiled when a test needs them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace petrel {

/// libjvm of JAVA_HOME, else of the newest JDK.
std::string test_libjvm();

struct SourceEdit {
  std::string file, from, to;  // in testdata/io/petrel/host; every occurrence
};

/// Compiles testdata/, edited, into <build>/testdata/<name>, once per change; returns that folder. Several processes
/// may ask at the same time.
std::string test_classes(const std::string& name, const std::vector<SourceEdit>& edits = {});

/// A java folder as `./dev build` makes it (storm-2.8/, host/), with the unedited classes in a jar in each.
std::string test_java_dir();

}  // namespace petrel
