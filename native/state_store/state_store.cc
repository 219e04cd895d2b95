#include "native/state_store/state_store.h"

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr size_t kPathBytesMax = 1024;
constexpr size_t kComponentBytesMax = 800;

}  // namespace

Status check_state_path(const std::string& path) {
  if (path.empty() || path.size() > kPathBytesMax) {
    return Status::malformed("state path '{}' has {} bytes, allowed are 1 to {}", escape(path), path.size(),
                             kPathBytesMax);
  }
  size_t start = 0;
  while (start <= path.size()) {
    size_t end = path.find('/', start);
    if (end == std::string::npos) end = path.size();
    const std::string component = path.substr(start, end - start);
    if (component.empty() || component == "." || component == ".." || component.size() > kComponentBytesMax ||
        component.find('\0') != std::string::npos) {
      return Status::malformed(
          "state path '{}' has the component '{}'; a component has 1 to {} bytes, is not '.' or '..'", escape(path),
          escape(component), kComponentBytesMax);
    }
    start = end + 1;
  }
  return Status();
}

}  // namespace petrel
