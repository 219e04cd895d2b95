#include "native/state_store/memory_store.h"

#include <optional>

#include "native/base/escape.h"

namespace petrel {
namespace {

Status not_found(const std::string& path) {
  return Status::error(StatusCode::kNotFound, "no state record '{}'", escape(path));
}

Status check_write(const std::string& path, const std::string& bytes) {
  RETURN_IF_ERROR(check_state_path(path));
  if (bytes.size() > kStateRecordBytesMax) {
    return Status::error(StatusCode::kLimit, "state record '{}' has {} bytes, the limit is {}", escape(path),
                         bytes.size(), kStateRecordBytesMax);
  }
  return Status();
}

Status conflict(const std::string& path, uint64_t expected, uint64_t found) {
  return Status::error(StatusCode::kConflict, "state record '{}' has version {}, expected was {}", escape(path), found,
                       expected);
}

}  // namespace

struct MemoryStore::Watcher {
  OnChange on_change;  // cleared when the watch is destroyed
  bool queued = false;
};

class MemoryStore::Watch : public StateWatch {
 public:
  Watch(MemoryStore& store, std::string path, std::shared_ptr<Watcher> watcher)
      : store_(store), path_(std::move(path)), watcher_(std::move(watcher)) {}
  ~Watch() override {
    std::lock_guard lock(store_.mutex_);
    watcher_->on_change = nullptr;
    auto [begin, end] = store_.watchers_.equal_range(path_);
    for (auto it = begin; it != end; ++it) {
      if (it->second == watcher_) {
        store_.watchers_.erase(it);
        break;
      }
    }
  }

 private:
  MemoryStore& store_;
  std::string path_;
  std::shared_ptr<Watcher> watcher_;
};

class MemoryStore::Ephemeral : public EphemeralRecord {
 public:
  Ephemeral(MemoryStore& store, std::string path, uint64_t version)
      : store_(store), path_(std::move(path)), version_(version) {}
  ~Ephemeral() override {
    std::lock_guard lock(store_.mutex_);
    auto found = store_.entries_.find(path_);
    if (found == store_.entries_.end() || found->second.record.version != version_) return;
    store_.entries_.erase(found);
    store_.changed(path_);
  }
  const std::string& path() const override { return path_; }

 private:
  MemoryStore& store_;
  std::string path_;
  uint64_t version_;
};

MemoryStore::MemoryStore(Reactor* reactor) : reactor_(reactor) {}
MemoryStore::~MemoryStore() = default;

Result<StoredRecord> MemoryStore::get(const std::string& path) {
  RETURN_IF_ERROR(check_state_path(path));
  std::lock_guard lock(mutex_);
  auto found = entries_.find(path);
  if (found == entries_.end()) return not_found(path);
  return found->second.record;
}

Result<uint64_t> MemoryStore::put_if(const std::string& path, const std::string& bytes, uint64_t expected_version) {
  RETURN_IF_ERROR(check_write(path, bytes));
  std::lock_guard lock(mutex_);
  auto found = entries_.find(path);
  const uint64_t version = found == entries_.end() ? 0 : found->second.record.version;
  if (version != expected_version) return conflict(path, expected_version, version);
  if (found != entries_.end() && found->second.ephemeral) {
    return Status::error(StatusCode::kConflict, "state record '{}' is ephemeral; only its owner ends it", escape(path));
  }
  entries_[path] = {{bytes, ++last_version_}, false};
  changed(path);
  return last_version_;
}

Status MemoryStore::remove_if(const std::string& path, uint64_t expected_version) {
  RETURN_IF_ERROR(check_state_path(path));
  std::lock_guard lock(mutex_);
  auto found = entries_.find(path);
  if (found == entries_.end()) return not_found(path);
  if (found->second.record.version != expected_version) {
    return conflict(path, expected_version, found->second.record.version);
  }
  entries_.erase(found);
  changed(path);
  return Status();
}

Result<std::vector<std::string>> MemoryStore::list(const std::string& prefix) {
  if (!prefix.empty()) RETURN_IF_ERROR(check_state_path(prefix));
  const std::string start = prefix.empty() ? "" : prefix + "/";
  std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (auto it = entries_.lower_bound(start); it != entries_.end() && it->first.starts_with(start); ++it) {
    paths.push_back(it->first);
  }
  return paths;
}

Result<std::unique_ptr<StateWatch>> MemoryStore::watch(const std::string& path, OnChange on_change) {
  RETURN_IF_ERROR(check_state_path(path));
  if (reactor_ == nullptr) return Status(StatusCode::kUnavailable, "this store was opened without a reactor");
  std::lock_guard lock(mutex_);
  auto watcher = std::make_shared<Watcher>();
  watcher->on_change = std::move(on_change);
  watchers_.emplace(path, watcher);
  changed(path);
  return std::unique_ptr<StateWatch>(std::make_unique<Watch>(*this, path, std::move(watcher)));
}

void MemoryStore::changed(const std::string& path) {
  auto [begin, end] = watchers_.equal_range(path);
  for (auto it = begin; it != end; ++it) {
    if (std::exchange(it->second->queued, true)) continue;
    reactor_->post([this, path, weak = std::weak_ptr<Watcher>(it->second)] {
      auto watcher = weak.lock();
      if (!watcher) return;
      OnChange call;
      {
        std::lock_guard lock(mutex_);
        watcher->queued = false;
        call = watcher->on_change;
      }
      if (call) call(get(path));
    });
  }
}

Result<std::unique_ptr<EphemeralRecord>> MemoryStore::create_ephemeral(const std::string& path,
                                                                       const std::string& bytes) {
  RETURN_IF_ERROR(check_write(path, bytes));
  std::lock_guard lock(mutex_);
  if (entries_.contains(path)) {
    return Status::error(StatusCode::kAlreadyExists, "state record '{}' has an owner that lives", escape(path));
  }
  entries_[path] = {{bytes, ++last_version_}, true};
  changed(path);
  return std::unique_ptr<EphemeralRecord>(std::make_unique<Ephemeral>(*this, path, last_version_));
}

}  // namespace petrel
