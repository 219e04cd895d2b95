#include "tests/sim/sim_store.h"

#include <fmt/format.h>

#include <utility>

#include "native/state_store/state_file.h"

namespace petrel::sim {
namespace {

constexpr Nanos kPoll = Millis(100);

}  // namespace

bool SimDisk::tear(Rng& rng) {
  std::vector<std::string> lasting;
  for (const auto& [path, file] : files_) {
    if (file.owner == 0 && !torn_.contains(path)) lasting.push_back(path);
  }
  if (lasting.empty()) return false;
  const std::string& path = lasting[rng.below(lasting.size())];
  std::string& bytes = files_[path].bytes;
  torn_[path] = bytes;
  bytes.resize(rng.below(bytes.size()));
  world_.trace("torn", bytes.size());
  return true;
}

void SimDisk::repair() {
  for (auto& [path, bytes] : torn_) files_[path].bytes = std::move(bytes);
  torn_.clear();
}

class SimStore::Ephemeral : public EphemeralRecord {
 public:
  Ephemeral(SimDisk& disk, std::string path, uint64_t owner) : disk_(disk), path_(std::move(path)), owner_(owner) {}
  ~Ephemeral() override {
    const auto found = disk_.files_.find(path_);
    if (found != disk_.files_.end() && found->second.owner == owner_) disk_.files_.erase(found);
  }
  const std::string& path() const override { return path_; }

 private:
  SimDisk& disk_;
  const std::string path_;
  const uint64_t owner_;
};

class SimStore::Watch : public StateWatch {
 public:
  Watch(SimStore& store, std::string path, OnChange on_change)
      : store_(store), path_(std::move(path)), on_change_(std::move(on_change)) {
    look();
  }
  ~Watch() override { store_.reactor_.cancel(timer_); }

 private:
  void look() {
    timer_ = store_.reactor_.after(kPoll, [this] {
      look();
      const Result<StoredRecord> record = store_.get(path_);
      const std::string seen = record.ok() ? fmt::format("{}", record->version) : record.status().message();
      if (std::exchange(seen_, seen) != seen) on_change_(record);
    });
  }

  SimStore& store_;
  const std::string path_;
  const OnChange on_change_;
  std::string seen_;
  Reactor::TimerId timer_ = 0;
};

SimStore::SimStore(SimDisk& disk, Reactor& reactor) : disk_(disk), reactor_(reactor), owner_(++disk.last_owner_) {
  disk_.owners_.insert(owner_);
}

SimStore::~SimStore() {
  disk_.owners_.erase(owner_);
}

Result<StoredRecord> SimStore::get(const std::string& path) {
  RETURN_IF_ERROR(check_state_path(path));
  const auto found = disk_.files_.find(path);
  if (found == disk_.files_.end() || !disk_.present(found->second)) {
    return Status::error(StatusCode::kNotFound, "no state record '{}'", path);
  }
  const Result<StateFile> file = decode_state_file(found->second.bytes);
  const bool torn = disk_.torn_.contains(path);
  if (!file.ok()) {
    disk_.noticed_ += torn ? 1 : 0;
    return file.status().with_context("state record '{}'", path);
  }
  if (torn) disk_.world_.fail("torn write", fmt::format("the cut record '{}' is taken as good", path));
  return StoredRecord{file->data, file->version};
}

void SimStore::write(const std::string& path, const std::string& bytes, uint64_t owner) {
  StateFile file{++disk_.last_version_, path, owner == 0 ? "" : fmt::format("{}", owner), bytes};
  disk_.files_[path] = {encode_state_file(file), owner};
}

Status SimStore::check_version(const std::string& path, uint64_t expected_version) {
  const Result<StoredRecord> now = get(path);
  if (!now.ok() && now.status().code() != StatusCode::kNotFound) return now.status();
  const uint64_t version = now.ok() ? now->version : 0;
  if (version == expected_version) return Status();
  return Status::error(StatusCode::kConflict, "state record '{}' has version {}, not {}", path, version,
                       expected_version);
}

Result<uint64_t> SimStore::put_if(const std::string& path, const std::string& bytes, uint64_t expected_version) {
  RETURN_IF_ERROR(check_version(path, expected_version));
  write(path, bytes, 0);
  return disk_.last_version_;
}

Status SimStore::remove_if(const std::string& path, uint64_t expected_version) {
  RETURN_IF_ERROR(check_version(path, expected_version));
  disk_.files_.erase(path);
  return Status();
}

Result<std::vector<std::string>> SimStore::list(const std::string& prefix) {
  std::vector<std::string> paths;
  const std::string start = prefix.empty() ? "" : prefix + "/";
  for (const auto& [path, file] : disk_.files_) {
    if (path.starts_with(start) && disk_.present(file)) paths.push_back(path);
  }
  return paths;
}

Result<std::unique_ptr<StateWatch>> SimStore::watch(const std::string& path, OnChange on_change) {
  RETURN_IF_ERROR(check_state_path(path));
  return std::unique_ptr<StateWatch>(std::make_unique<Watch>(*this, path, std::move(on_change)));
}

Result<std::unique_ptr<EphemeralRecord>> SimStore::create_ephemeral(const std::string& path, const std::string& bytes) {
  RETURN_IF_ERROR(check_state_path(path));
  const auto found = disk_.files_.find(path);
  if (found != disk_.files_.end() && disk_.present(found->second)) {
    return Status::error(StatusCode::kAlreadyExists, "state record '{}' has an owner that lives", path);
  }
  write(path, bytes, owner_);
  return std::unique_ptr<EphemeralRecord>(std::make_unique<Ephemeral>(disk_, path, owner_));
}

}  // namespace petrel::sim
