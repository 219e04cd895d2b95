// U12, U16-U18 of the catalogue of bad inputs, and Storm's blob calls as `storm jar --jars` makes them.
#include "storm-compat/nimbus/blob_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storm-compat/nimbus/nimbus_fixture.h"

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::Nimbus;
using testing::word_topology;
using testing::World;

storm::SettableBlobMeta open_to_all() {
  storm::SettableBlobMeta meta;
  meta.acl.resize(1);
  meta.acl[0].type = storm::AccessControlType::OTHER;
  meta.acl[0].access = 7;
  return meta;
}

void store_blob(Nimbus& nimbus, const std::string& key, const std::string& bytes) {
  std::string session;
  nimbus.service.beginCreateBlob(session, key, open_to_all());
  nimbus.service.uploadBlobChunk(session, bytes);
  nimbus.service.finishBlobUpload(session);
  nimbus.service.createStateInZookeeper(key);
}

TEST(BlobStore, CreateShowDownloadDelete) {
  World world;
  Nimbus nimbus(world);
  storm::ReadableBlobMeta meta;
  EXPECT_THAT(message_of<storm::KeyNotFoundException>([&] { nimbus.service.getBlobMeta(meta, "dep-x.jar"); }),
              HasSubstr("dep-x.jar"));
  EXPECT_FALSE(nimbus.service.isRemoteBlobExists("dep-x.jar"));
  const std::string bytes = std::string(100'000, 'a') + "end";
  store_blob(nimbus, "dep-x.jar", bytes);
  EXPECT_TRUE(nimbus.service.isRemoteBlobExists("dep-x.jar"));
  nimbus.service.getBlobMeta(meta, "dep-x.jar");
  ASSERT_EQ(meta.settable.acl.size(), 1u);
  EXPECT_EQ(meta.settable.acl[0].access, 7);
  EXPECT_EQ(nimbus.service.getBlobReplication("dep-x.jar"), 1);

  storm::BeginDownloadResult download;
  nimbus.service.beginBlobDownload(download, "dep-x.jar");
  EXPECT_EQ(download.data_size, 100'003);
  std::string all, chunk;
  do {
    nimbus.service.downloadBlobChunk(chunk, download.session);
    all += chunk;
  } while (!chunk.empty());
  EXPECT_EQ(all, bytes);

  nimbus.service.deleteBlob("dep-x.jar");
  EXPECT_FALSE(nimbus.service.isRemoteBlobExists("dep-x.jar"));
  EXPECT_THAT(message_of<storm::KeyNotFoundException>([&] { nimbus.service.deleteBlob("dep-x.jar"); }),
              HasSubstr("no blob"));
}

TEST(BlobStore, ListsInOrderAndInPages) {
  World world;
  Nimbus nimbus(world);
  for (const char* key : {"b", "a", "c:1"}) store_blob(nimbus, key, "x");
  storm::ListBlobsResult page;
  nimbus.service.listBlobs(page, "");
  EXPECT_THAT(page.keys, ElementsAre("a", "b", "c:1"));
  nimbus.service.listBlobs(page, page.session);
  EXPECT_TRUE(page.keys.empty());
}

TEST(BlobStore, AnExistingKeyIsRefused) {
  World world;
  Nimbus nimbus(world);
  std::string first, second;
  nimbus.service.beginCreateBlob(first, "k", open_to_all());
  nimbus.service.beginCreateBlob(second, "k", open_to_all());  // U16: two writers of one key
  nimbus.service.uploadBlobChunk(first, "1");
  nimbus.service.uploadBlobChunk(second, "2");
  nimbus.service.finishBlobUpload(second);
  EXPECT_THAT(message_of<apache::thrift::TApplicationException>([&] { nimbus.service.finishBlobUpload(first); }),
              HasSubstr("stored meanwhile"));
  std::string third;
  EXPECT_THAT(
      message_of<storm::KeyAlreadyExistsException>([&] { nimbus.service.beginCreateBlob(third, "k", open_to_all()); }),
      HasSubstr("'k' exists"));
}

TEST(BlobStore, U12_keys) {
  for (const char* good : {"dep-a.jar", "mytopo:data.tgz", "a b_c-d.e", "caf\xc3\xa9"})
    EXPECT_TRUE(check_blob_key(good).ok()) << good;
  for (const std::string& bad : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                 std::string(4096, 'k'), std::string("a\0b", 3), std::string("a\nb"),
                                 std::string("a\\b"), std::string("\xff\xfe"), std::string("a*b")}) {
    EXPECT_EQ(check_blob_key(bad).code(), StatusCode::kMalformed) << escape(bad);
    World world;
    Nimbus nimbus(world);
    std::string session;
    EXPECT_THROW(nimbus.service.beginCreateBlob(session, bad, open_to_all()), apache::thrift::TApplicationException);
    storm::ReadableBlobMeta meta;
    EXPECT_THROW(nimbus.service.getBlobMeta(meta, bad), storm::KeyNotFoundException);
  }
}

TEST(BlobStore, U17_sessions_cannot_be_guessed_or_shared) {
  World world;
  world.access.allow_remote = true;
  Nimbus nimbus(world);
  store_blob(nimbus, "k", "secret");
  storm::BeginDownloadResult download;
  nimbus.service.beginBlobDownload(download, "k");
  EXPECT_GE(download.session.size(), 32u);
  std::string chunk;
  EXPECT_THROW(nimbus.service.downloadBlobChunk(chunk, "1"), apache::thrift::TApplicationException);
  const Caller other{"192.0.2.9:1", ""};
  const CallScope scope(other, "");
  EXPECT_THROW(nimbus.service.downloadBlobChunk(chunk, download.session), apache::thrift::TApplicationException);
}

TEST(BlobStore, U18_a_running_topology_keeps_a_deleted_blob) {
  World world;
  Nimbus nimbus(world);
  store_blob(nimbus, "dep-x.jar", "jar bytes");
  storm::StormTopology topology = word_topology();
  topology.__set_dependency_jars({"dep-x.jar"});
  nimbus.submit("t", topology);
  nimbus.submit("other", word_topology());
  nimbus.service.deleteBlob("dep-x.jar");
  storm::KillOptions now;
  now.__set_wait_secs(0);
  nimbus.service.killTopologyWithOpts("other", now);
  nimbus.book.tick();  // removes `other` and collects what nobody needs
  const TopologyPtr entry = nimbus.book.by_name("t");
  ASSERT_NE(entry, nullptr);
  const proto::Artifact* artifact = entry->artifact("dep-x.jar");
  ASSERT_NE(artifact, nullptr);
  EXPECT_EQ(nimbus.artifacts.read(artifact->digest(), 100).value(), "jar bytes");
}

TEST(BlobStore, CancelledUploadsLeaveNothing) {
  World world;
  Nimbus nimbus(world);
  std::string session;
  nimbus.service.beginCreateBlob(session, "k", open_to_all());
  nimbus.service.uploadBlobChunk(session, "x");
  nimbus.service.cancelBlobUpload(session);
  EXPECT_EQ(nimbus.blob_uploads.sessions(), 0u);
  EXPECT_THROW(nimbus.service.finishBlobUpload(session), apache::thrift::TApplicationException);
  EXPECT_FALSE(nimbus.service.isRemoteBlobExists("k"));
}

}  // namespace
}  // namespace petrel
