// ComponentLibraries: the shared libraries of a topology's native components, and the tasks made from them.
#pragma once

#include <map>
#include <string>

#include "native/instance/host_instance.h"
#include "native/native_host/user_api.h"

namespace petrel {

inline constexpr const char* kNativeLibraryKey = "petrel.native.library";      // path below the code's resources/
inline constexpr const char* kNativeComponentKey = "petrel.native.component";  // registered name

/// Thread: one. Libraries stay loaded until the process ends: user code may have left anything behind.
class ComponentLibraries : public TaskFactory {
 public:
  explicit ComponentLibraries(std::string resources_dir) : resources_(std::move(resources_dir)) {}

  /// Errors: kMalformed for conf, a path that leaves resources/, another ABI, a name that is not registered (the
  /// message lists those that are); kNotFound with the loader's words.
  Result<std::unique_ptr<BoltTask>> bolt(const Component& component, const ConfMap& conf) override;
  Result<std::unique_ptr<SpoutTask>> spout(const Component& component, const ConfMap& conf) override;

 private:
  Result<const user::LibraryEntry*> entry(const Component& component, const ConfMap& conf);
  Result<const user::Library*> load(const std::string& path);

  std::string resources_;
  std::map<std::string, const user::Library*> loaded_;
};

}  // namespace petrel
