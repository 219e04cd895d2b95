// UploadStore: unfinished and finished-but-not-yet-used uploads, one file per token under one folder. A token is random
// and never a path; it works only for the owner that opened it. Files of expired tokens and of an earlier run are
// removed. Errors: kNotFound (no such token, expired, or another owner's), kConflict (finished already, not finished
// yet), kLimit (size, quota, number of sessions, disk nearly full), kIo. Thread: thread-safe; one mutex, never held
// during a caller's code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "native/base/clock.h"
#include "native/base/status.h"

namespace petrel {

struct UploadLimits {
  int64_t max_upload_bytes = int64_t{1} << 30;
  int64_t max_total_bytes = int64_t{4} << 30;  // of all sessions together
  size_t max_sessions = 1024;
  Nanos idle_expiry = Seconds(600);
  Nanos displace_after = Seconds(30);          // at max_sessions the longest idle session goes, if idle for so long
  int64_t min_free_bytes = int64_t{64} << 20;  // left on the disk for running topologies
};

class UploadStore {
 public:
  /// `new_token` returns a fresh unguessable [0-9a-f]{32} at every call.
  UploadStore(std::filesystem::path directory, UploadLimits limits, Clock& clock,
              std::function<std::string()> new_token);
  ~UploadStore();
  UploadStore(const UploadStore&) = delete;
  UploadStore& operator=(const UploadStore&) = delete;

  /// Makes the folder (0700) and removes what an earlier run left there.
  Status open();
  /// `tag` is the caller's note on the session (the key of a blob), see tag_of().
  Result<std::string> begin(const std::string& owner, const std::string& tag = "");
  Result<std::string> tag_of(const std::string& token, const std::string& owner);
  Status append(const std::string& token, const std::string& owner, std::string_view bytes);
  /// Flushes to disk; from here on the token can be used, and nothing can be appended.
  Status finish(const std::string& token, const std::string& owner);
  /// The file behind a finished token. Stays valid until drop() or expiry; using it counts as activity.
  Result<std::filesystem::path> finished_file(const std::string& token, const std::string& owner);
  /// Removes the session and its file; unknown tokens are ignored.
  void drop(const std::string& token);
  /// Removes what has been idle for too long. Called by begin() too.
  void expire();

  size_t sessions() const;
  int64_t total_bytes() const;

 private:
  struct Session {
    std::string owner;
    std::string tag;
    int fd = -1;
    int64_t bytes = 0;
    bool finished = false;
    MonoTime last_use;
  };
  using Sessions = std::map<std::string, Session>;

  std::filesystem::path path_of(const std::string& token) const { return directory_ / (token + ".part"); }
  Result<Sessions::iterator> find(const std::string& token, const std::string& owner);
  void erase(Sessions::iterator it);
  void expire_locked();
  bool displace_one_locked();
  Status check_room(const Session& session, int64_t more) const;

  const std::filesystem::path directory_;
  const UploadLimits limits_;
  Clock& clock_;
  const std::function<std::string()> new_token_;
  mutable std::mutex mutex_;
  Sessions sessions_;  // keyed by our own tokens; at most max_sessions
  int64_t total_bytes_ = 0;
};

}  // namespace petrel
