// BlobHandlers: Storm's blob calls over BlobStore. Thread: thread-safe.
#pragma once

#include <string>

#include "storm-compat/nimbus/nimbus_parts.h"

namespace petrel {

class BlobHandlers {
 public:
  explicit BlobHandlers(NimbusParts& parts) : parts_(parts) {}

  std::string begin_create(const std::string& key, const storm::SettableBlobMeta& meta, const std::string& owner);
  void upload_chunk(const std::string& session, const std::string& owner, const std::string& chunk);
  void finish(const std::string& session, const std::string& owner);
  void cancel(const std::string& session, const std::string& owner);
  storm::ReadableBlobMeta meta(const std::string& key);
  void set_meta(const std::string& key, const storm::SettableBlobMeta& meta);
  void remove(const std::string& key);
  storm::ListBlobsResult list(const std::string& session);
  storm::BeginDownloadResult begin_download(const std::string& key, const std::string& owner);
  std::string next_chunk(const std::string& session, const std::string& owner);
  bool exists(const std::string& key);
  /// 1, or KeyNotFoundException.
  int32_t replication(const std::string& key);

 private:
  NimbusParts& parts_;
};

}  // namespace petrel
