#include "storm-compat/nimbus/blob_handlers.h"

#include "native/base/escape.h"
#include "storm-compat/nimbus/thrift_errors.h"

namespace petrel {
namespace {

[[noreturn]] void throw_blob(const Status& status) {
  if (status.code() == StatusCode::kNotFound) throw_key_not_found(status.message());
  throw_status(status);
}

template <typename T>
T blob_or_throw(Result<T> result) {
  if (!result.ok()) throw_blob(result.status());
  return std::move(result).value();
}

void set_access(proto::BlobEntry& entry, const storm::SettableBlobMeta& meta) {
  for (const storm::AccessControl& access : meta.acl) {
    proto::BlobAccess* out = entry.add_acl();
    out->set_type(static_cast<int32_t>(access.type));
    out->set_name(escape(access.name));
    out->set_access(access.access);
  }
}

}  // namespace

std::string BlobHandlers::begin_create(const std::string& key, const storm::SettableBlobMeta& meta,
                                       const std::string& owner) {
  proto::BlobEntry entry;
  entry.set_key(key);
  entry.set_owner(owner);
  entry.set_replication(1);
  set_access(entry, meta);
  Result<std::string> session = parts_.blobs.begin_create(entry);
  if (session.status().code() == StatusCode::kAlreadyExists) {
    storm::KeyAlreadyExistsException exists;
    exists.msg = session.status().message();
    throw exists;
  }
  return value_or_throw(std::move(session));
}

void BlobHandlers::upload_chunk(const std::string& session, const std::string& owner, const std::string& chunk) {
  throw_unless_ok(parts_.blobs.append(session, owner, chunk));
}

void BlobHandlers::finish(const std::string& session, const std::string& owner) {
  const auto hold = parts_.book.hold_artifacts();
  throw_unless_ok(parts_.blobs.finish(session, owner));
}

void BlobHandlers::cancel(const std::string& session, const std::string& owner) {
  throw_unless_ok(parts_.blobs.cancel(session, owner));
}

storm::ReadableBlobMeta BlobHandlers::meta(const std::string& key) {
  const BlobStore::Blob blob = blob_or_throw(parts_.blobs.find(key));
  storm::ReadableBlobMeta out;
  for (const proto::BlobAccess& access : blob.entry.acl()) {
    storm::AccessControl control;
    control.type = static_cast<storm::AccessControlType::type>(access.type());
    control.access = access.access();
    if (!access.name().empty()) control.__set_name(access.name());
    out.settable.acl.push_back(std::move(control));
  }
  out.settable.__set_replication_factor(1);
  out.version = static_cast<int64_t>(blob.version);
  return out;
}

void BlobHandlers::set_meta(const std::string& key, const storm::SettableBlobMeta& meta) {
  proto::BlobEntry entry;
  set_access(entry, meta);
  const Status set = parts_.blobs.set_access(key, entry);
  if (!set.ok()) throw_blob(set);
}

void BlobHandlers::remove(const std::string& key) {
  const Status removed = parts_.blobs.remove(key);
  if (!removed.ok()) throw_blob(removed);
}

storm::ListBlobsResult BlobHandlers::list(const std::string& session) {
  BlobStore::Page page = value_or_throw(parts_.blobs.list(session));
  storm::ListBlobsResult out;
  out.keys = std::move(page.keys);
  out.session = std::move(page.session);
  return out;
}

storm::BeginDownloadResult BlobHandlers::begin_download(const std::string& key, const std::string& owner) {
  const BlobStore::Download download = blob_or_throw(parts_.blobs.begin_download(key, owner));
  storm::BeginDownloadResult out;
  out.version = download.version;
  out.session = download.session;
  out.__set_data_size(download.bytes);
  return out;
}

std::string BlobHandlers::next_chunk(const std::string& session, const std::string& owner) {
  return value_or_throw(parts_.blobs.next_chunk(session, owner));
}

bool BlobHandlers::exists(const std::string& key) {
  const Status found = parts_.blobs.find(key).status();
  if (!found.ok() && found.code() != StatusCode::kNotFound) throw_status(found);
  return found.ok();
}

int32_t BlobHandlers::replication(const std::string& key) {
  blob_or_throw(parts_.blobs.find(key));
  return 1;
}

}  // namespace petrel
