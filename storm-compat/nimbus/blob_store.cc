#include "storm-compat/nimbus/blob_store.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr size_t kMaxKeyBytes = 200;
constexpr int kMaxAccessEntries = 100;
constexpr size_t kMaxReadings = 1024;
constexpr Nanos kReadingExpiry = Seconds(600);
const std::string kRoot = "blobs";

std::string path_of(const std::string& key) {
  return kRoot + "/" + key;
}

Status no_such_blob(const std::string& key) {
  return Status::error(StatusCode::kNotFound, "there is no blob with key '{}'", escape(key));
}

}  // namespace

Status check_blob_key(const std::string& key) {
  const auto fail = [&](const char* rule) {
    return Status::malformed("blob key '{}' is not allowed: {}", escape(key), rule);
  };
  if (key.empty() || key.size() > kMaxKeyBytes) return fail("it has 1 to 200 bytes");
  if (key == "." || key == "..") return fail("'.' and '..' are folders");
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) == 0 && std::string_view(" .:_-").find(c) == std::string_view::npos) {
      return fail("letters, digits, space and . : _ - may be used");
    }
  }
  if (escape(key, key.size() + 1) != key) return fail("it must be printable UTF-8");
  return Status();
}

BlobStore::BlobStore(StateStore& store, const ArtifactStore& artifacts, UploadStore& uploads, Clock& clock,
                     std::function<std::string()> new_token)
    : store_(store), artifacts_(artifacts), uploads_(uploads), clock_(clock), new_token_(std::move(new_token)) {}

Result<std::string> BlobStore::begin_create(const proto::BlobEntry& entry) {
  RETURN_IF_ERROR(check_blob_key(entry.key()));
  if (entry.acl_size() > kMaxAccessEntries) {
    return Status::error(StatusCode::kLimit, "{} access entries, and a blob may have {}", entry.acl_size(),
                         kMaxAccessEntries);
  }
  if (find(entry.key()).ok()) {
    return Status::error(StatusCode::kAlreadyExists, "a blob with key '{}' exists", escape(entry.key()));
  }
  ASSIGN_OR_RETURN(const auto paths, store_.list(kRoot));
  if (paths.size() >= kMaxBlobs) {
    return Status::error(StatusCode::kLimit, "{} blobs are stored, and no more are allowed; delete some", paths.size());
  }
  return uploads_.begin(entry.owner(), entry.SerializeAsString());
}

Status BlobStore::append(const std::string& session, const std::string& owner, std::string_view bytes) {
  return uploads_.append(session, owner, bytes);
}

Status BlobStore::finish(const std::string& session, const std::string& owner) {
  ASSIGN_OR_RETURN(const std::string tag, uploads_.tag_of(session, owner));
  proto::BlobEntry entry;
  CHECK(entry.ParseFromString(tag));
  RETURN_IF_ERROR(uploads_.finish(session, owner));
  ASSIGN_OR_RETURN(const auto file, uploads_.finished_file(session, owner));
  const Result<StoredArtifact> stored = artifacts_.put_file(file);
  uploads_.drop(session);
  RETURN_IF_ERROR(stored.status());
  entry.set_digest(stored->digest);
  entry.set_bytes(stored->bytes);
  const Status put = store_.put_if(path_of(entry.key()), entry.SerializeAsString(), 0).status();
  if (put.code() == StatusCode::kConflict) {
    return Status::error(StatusCode::kAlreadyExists, "a blob with key '{}' was stored meanwhile", escape(entry.key()));
  }
  return put;
}

Status BlobStore::cancel(const std::string& session, const std::string& owner) {
  RETURN_IF_ERROR(uploads_.tag_of(session, owner).status());
  uploads_.drop(session);
  return Status();
}

Result<BlobStore::Blob> BlobStore::find(const std::string& key) const {
  if (!check_blob_key(key).ok()) return no_such_blob(key);
  const Result<StoredRecord> record = store_.get(path_of(key));
  if (record.status().code() == StatusCode::kNotFound) return no_such_blob(key);
  RETURN_IF_ERROR(record.status());
  Blob blob;
  if (!blob.entry.ParseFromString(record->bytes) || blob.entry.key() != key) {
    return Status::error(StatusCode::kCorrupt, "the record of blob '{}' cannot be read", escape(key));
  }
  blob.version = record->version;
  return blob;
}

Status BlobStore::set_access(const std::string& key, const proto::BlobEntry& entry) {
  if (entry.acl_size() > kMaxAccessEntries) {
    return Status::error(StatusCode::kLimit, "{} access entries, and a blob may have {}", entry.acl_size(),
                         kMaxAccessEntries);
  }
  ASSIGN_OR_RETURN(Blob blob, find(key));
  *blob.entry.mutable_acl() = entry.acl();
  return store_.put_if(path_of(key), blob.entry.SerializeAsString(), blob.version).status();
}

Status BlobStore::remove(const std::string& key) {
  ASSIGN_OR_RETURN(const Blob blob, find(key));
  return store_.remove_if(path_of(key), blob.version);
}

Result<BlobStore::Page> BlobStore::list(const std::string& session) const {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, store_.list(kRoot));
  Page page;
  for (const std::string& path : paths) {
    std::string key = path.substr(kRoot.size() + 1);
    if (!session.empty() && key <= session) continue;  // the session is the last key that was given out
    page.keys.push_back(std::move(key));
    if (page.keys.size() == kPageKeys) break;
  }
  page.session = page.keys.empty() ? session : page.keys.back();
  return page;
}

Result<BlobStore::Download> BlobStore::begin_download(const std::string& key, const std::string& owner) {
  ASSIGN_OR_RETURN(const Blob blob, find(key));
  const std::lock_guard lock(mutex_);
  std::erase_if(readings_,
                [&](const auto& reading) { return clock_.now() - reading.second.last_use >= kReadingExpiry; });
  if (readings_.size() >= kMaxReadings) {
    return Status::error(StatusCode::kLimit, "{} downloads are open, and no more are allowed; try again later",
                         readings_.size());
  }
  std::string token = new_token_();
  readings_[token] = Reading{owner, blob.entry.digest(), 0, clock_.now()};
  return Download{std::move(token), static_cast<int64_t>(blob.version), blob.entry.bytes()};
}

Result<std::string> BlobStore::next_chunk(const std::string& session, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  const auto it = readings_.find(session);
  if (it == readings_.end() || it->second.owner != owner) {
    return Status::error(StatusCode::kNotFound,
                         "'{}' is not a download session of this Nimbus (or it expired); get one with "
                         "beginBlobDownload",
                         escape(session));
  }
  ASSIGN_OR_RETURN(const auto path, artifacts_.path_of(it->second.digest));
  std::ifstream in(path, std::ios::binary);
  in.seekg(it->second.offset);
  std::string chunk(kChunkBytes, '\0');
  in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
  chunk.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (chunk.empty()) {
    readings_.erase(it);
    return chunk;
  }
  it->second.offset += static_cast<int64_t>(chunk.size());
  it->second.last_use = clock_.now();
  return chunk;
}

Result<std::set<std::string>> BlobStore::digests() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, store_.list(kRoot));
  std::set<std::string> digests;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const Blob blob, find(path.substr(kRoot.size() + 1)));
    digests.insert(blob.entry.digest());
  }
  return digests;
}

}  // namespace petrel
