#include "native/native_host/component_library.h"

#include <dlfcn.h>

#include <filesystem>

#include "native/base/escape.h"
#include "native/native_host/user_tasks.h"

namespace petrel {
namespace {

constexpr uint32_t kMaxEntries = 10'000;

Status check(const user::Library& library, const std::string& path) {
  if (library.abi_version != user::kAbiVersion) {
    return Status::malformed("library '{}' was built for version {} of petrel/bolt.h; this host has version {}",
                             escape(path), library.abi_version, user::kAbiVersion);
  }
  if (library.value_bytes != sizeof(user::Value) || library.string_bytes != sizeof(std::string)) {
    return Status::malformed("library '{}' was built with another C++ library than this host; build it with libstdc++",
                             escape(path));
  }
  if (library.entries > kMaxEntries)
    return Status::malformed("library '{}' says it has {} components", escape(path), library.entries);
  return {};
}

std::string names(const user::Library& library) {
  std::string all;
  for (uint32_t i = 0; i < library.entries && i < 50; ++i) {
    all += (i == 0 ? "" : ", ") + escape(library.entry[i].name);
  }
  return all.empty() ? "none" : all;
}

}  // namespace

Result<const user::Library*> ComponentLibraries::load(const std::string& path) {
  auto known = loaded_.find(path);
  if (known != loaded_.end()) return known->second;
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = dlerror();
    return Status::error(StatusCode::kNotFound, "load '{}': {}", escape(path), escape(why == nullptr ? "?" : why));
  }
  auto* describe = reinterpret_cast<const user::Library* (*)()>(dlsym(handle, "petrel_library"));
  if (describe == nullptr) {
    return Status::malformed("'{}' registers no component; include <petrel/bolt.h> and use PETREL_BOLT", escape(path));
  }
  const user::Library* library = describe();
  RETURN_IF_ERROR(check(*library, path));
  loaded_[path] = library;
  return library;
}

Result<const user::LibraryEntry*> ComponentLibraries::entry(const Component& component, const ConfMap& conf) {
  ASSIGN_OR_RETURN(std::string file, conf.get_string(kNativeLibraryKey, ""));
  ASSIGN_OR_RETURN(std::string name, conf.get_string(kNativeComponentKey, ""));
  if (file.empty() || name.empty()) {
    return Status::malformed("component '{}' runs in a native host and needs {} and {} in its configuration",
                             escape(component.name), kNativeLibraryKey, kNativeComponentKey);
  }
  const std::filesystem::path relative(file);
  bool inside = relative.is_relative();
  for (const auto& part : relative) inside = inside && part != "..";
  if (!inside) {
    return Status::malformed("{} of component '{}' is '{}'; it must be a path below the jar's resources/",
                             kNativeLibraryKey, escape(component.name), escape(file));
  }
  ASSIGN_OR_RETURN(const user::Library* library, load(resources_ + "/" + file));
  for (uint32_t i = 0; i < library->entries; ++i) {
    if (library->entry[i].name == name) return &library->entry[i];
  }
  return Status::malformed("component '{}': library '{}' has no '{}'; it has: {}", escape(component.name), escape(file),
                           escape(name), names(*library));
}

Result<std::unique_ptr<BoltTask>> ComponentLibraries::bolt(const Component& component, const ConfMap& conf) {
  ASSIGN_OR_RETURN(const user::LibraryEntry* made, entry(component, conf));
  if (made->make_bolt == nullptr) {
    return Status::malformed("component '{}' is a bolt, but '{}' is registered as a spout", escape(component.name),
                             escape(made->name));
  }
  try {
    return user_bolt(std::unique_ptr<user::Bolt>(made->make_bolt()), resources_);
  } catch (const std::exception& e) {
    return Status::error(StatusCode::kInternal, "component '{}': its constructor threw: {}", escape(component.name),
                         escape(e.what()));
  }
}

Result<std::unique_ptr<SpoutTask>> ComponentLibraries::spout(const Component& component, const ConfMap& conf) {
  ASSIGN_OR_RETURN(const user::LibraryEntry* made, entry(component, conf));
  if (made->make_spout == nullptr) {
    return Status::malformed("component '{}' is a spout, but '{}' is registered as a bolt", escape(component.name),
                             escape(made->name));
  }
  try {
    return user_spout(std::unique_ptr<user::Spout>(made->make_spout()), resources_);
  } catch (const std::exception& e) {
    return Status::error(StatusCode::kInternal, "component '{}': its constructor threw: {}", escape(component.name),
                         escape(e.what()));
  }
}

}  // namespace petrel
