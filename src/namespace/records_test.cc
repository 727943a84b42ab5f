// Formats: round trips, bytes that must not change, and damage that must be seen.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "namespace/checkpoint_manifest.h"
#include "namespace/entry.h"
#include "namespace/keys.h"
#include "namespace/pack.h"
#include "namespace/path.h"
#include "namespace/records.h"

namespace atl::ns {
namespace {

std::string hex(const std::string& s) {
  return to_hex(as_bytes(s));
}

InodeRecord example_inode() {
  InodeRecord r;
  r.mode = 0644;
  r.uid = 1000;
  r.size = 5;
  r.mtime = r.ctime = r.btime = Nanos(1'700'000'000'000'000'000);
  r.atime = r.mtime - 5ns;
  r.parent = InodeId(300);
  r.name = "k";
  r.meta.etag = "00112233445566778899aabbccddeeff-3";
  r.meta.headers["content-type"] = "a";
  r.meta.checksum = {ChecksumAlgorithm::kCrc32c, true, "abcd"};
  r.meta.parts = {{1, 5, {}}};
  r.pieces = {{InodeId(7), 3}, {InodeId(9), 2}};
  return r;
}

TEST(Records, GoldenBytes) {
  EXPECT_EQ(hex(encode(example_inode())),
            "0101a403e807000105"
            "00002a36fe9c9717"
            "09"
            "00"
            "00"
            "00"
            "ac02"
            "016b"
            "00"
            "0200112233445566778899aabbccddeeff0301"
            "0c636f6e74656e742d74797065"
            "0161"
            "00"
            "00"
            "00"
            "02"
            "01"
            "0461626364"
            "01"
            "0105"
            "00"
            "02"
            "0703"
            "0902");
  ExtentRecord x;
  x.stripe = {StripeId(300), GroupId(2), 1000};
  x.stripe_offset = 10;
  x.length = 20;
  EXPECT_EQ(hex(encode(x)), "0102ac0202e8070a14");
  ExtentRecord in;
  in.stamp = 5;
  in.bytes = "hi";
  in.length = 2;
  EXPECT_EQ(hex(encode(in)), "0101056869");
  EXPECT_EQ(hex(extent_key(InodeId(1), 2)), "7800000000000000010000000000000002");
  EXPECT_EQ(hex(directory_entry_key(InodeId(1), "b")), "650000000000000001622f");
  EntryBuilder entry(7);
  entry.put("ckey", "value");
  entry.erase("x");
  entry.end_op("op");
  EXPECT_EQ(hex(entry.payload()), "0107000000026f70020104636b65790576616c7565020178");
}

template <typename Record>
void expect_round_trip(const Record& record) {
  const std::string bytes = encode(record);
  Record back;
  ASSERT_TRUE(decode(bytes, &back));
  EXPECT_EQ(encode(back), bytes);
  for (size_t n = 0; n < bytes.size(); ++n) {
    Record cut;
    const Status status = decode(std::string_view(bytes).substr(0, n), &cut);
    // An inline extent has no length of its own: the row has.
    if constexpr (!std::is_same_v<Record, ExtentRecord>) {
      EXPECT_FALSE(status) << n;
    }
  }
  Record longer;
  if constexpr (!std::is_same_v<Record, ExtentRecord>) {
    EXPECT_FALSE(decode(bytes + "x", &longer));
  }
  std::string other = bytes;
  other[0] = 2;
  EXPECT_EQ(decode(other, &longer).error().code, Errc::kCorrupt) << "an unknown version";
}

TEST(Records, RoundTrips) {
  expect_round_trip(example_inode());
  InodeRecord directory;
  directory.type = InodeType::kDirectory;
  directory.implicit = true;
  directory.children = 1000;
  directory.mtime = Nanos(-5);
  expect_round_trip(directory);
  expect_round_trip(AppliedRecord{Uuid{}, PartitionId(1), Lsn(77), 5});
  expect_round_trip(Counters{.next_id = 9, .objects = 1, .buckets = 2, .bytes = 1ull << 60});
  expect_round_trip(BucketRecord{InodeId(3), "me", 5ns, {{"a", "b"}}});
  EntryRecord entry;
  entry.directory = InodeId(4);
  expect_round_trip(entry);
  entry.file.emplace().inode = InodeId(6);
  entry.file->attributes.etag = "\"odd\"";
  entry.file->attributes.checksum_algorithm = ChecksumAlgorithm::kSha256;
  expect_round_trip(entry);
  entry.file->has_attributes = false;
  entry.directory = InodeId();
  expect_round_trip(entry);
  expect_round_trip(InlineRecord{5, 6, 7ns});
  StripeRecord stripe;
  stripe.ref = {StripeId(1), GroupId(2), 100};
  stripe.kind = StripeKind::kPacked;
  stripe.payload_bytes = 80;
  stripe.manifest_length = 20;
  expect_round_trip(stripe);
  UploadRecord upload;
  upload.id = InodeId(1);
  expect_round_trip(upload);
  expect_round_trip(PartRecord{InodeId(5), 6, 7ns, "e", {}});
}

TEST(Records, Etags) {
  for (const char* etag :
       {"", "x", "00112233445566778899aabbccddeeff", "00112233445566778899AABBCCDDEEFF",
        "00112233445566778899aabbccddeeff-1", "00112233445566778899aabbccddeeff-10000",
        "00112233445566778899aabbccddeeff-01", "00112233445566778899aabbccddeeff-0",
        "00112233445566778899aabbccddeeff-", "00112233445566778899aabbccddeeff-1x",
        "00112233445566778899aabbccddeeff00", "00112233445566778899aabbccddeef"}) {
    Encoder e;
    encode_etag(e, etag);
    Decoder d(e.view());
    EXPECT_EQ(decode_etag(d), etag);
    EXPECT_TRUE(d.ok() && d.at_end());
  }
}

TEST(Records, InodesThatLieAreRefused) {
  InodeRecord r = example_inode();
  r.size = 6;  // its pieces have 5
  InodeRecord out;
  EXPECT_FALSE(decode(encode(r), &out));
}

TEST(Keys, OrderAndRanges) {
  EXPECT_LT(file_entry_key(InodeId(1), "a"), directory_entry_key(InodeId(1), "a"));
  EXPECT_LT(directory_entry_key(InodeId(1), "a-"), directory_entry_key(InodeId(1), "a"));
  EXPECT_LT(extent_key(InodeId(1), 256), extent_key(InodeId(1), 1000));
  EXPECT_EQ(after_prefix("ab"), "ac");
  EXPECT_EQ(after_prefix("a\xff\xff"), "b");
  EXPECT_EQ(after_prefix("\xff"), "");
  EXPECT_EQ(after_prefix(""), "");
  EXPECT_EQ(key_offset(inline_key(InodeId(3), 9)), 9u);
  EXPECT_EQ(key_part_number(part_key(InodeId(3), 10000)), 10000u);
  for (const std::string& key :
       {applied_key(), counters_key(), bucket_key("b"), inode_key(InodeId(1)),
        off_path_key(InodeId(1), "//"), extent_key(InodeId(1), 1), inline_key(InodeId(1), 1),
        stripe_key(StripeId(1)), to_free_key(StripeId(1)), back_ref_key(StripeId(1), InodeId(2), 3),
        upload_key(InodeId(1), "k", "u"), part_key(InodeId(1), 1), reclaim_key(InodeId(1), 1)}) {
    EXPECT_TRUE(key_well_formed(key));
    EXPECT_FALSE(key_well_formed("?" + key.substr(1)));
  }
  EXPECT_FALSE(key_well_formed(""));
}

TEST(Paths, KeysAsPaths) {
  const auto parse = [](std::string key) {
    auto path = std::make_unique<KeyPath>();
    EXPECT_TRUE(KeyPath::parse(std::move(key), path.get()));
    return path;
  };
  auto p = parse("a/b/c");
  EXPECT_FALSE(p->off_path || p->marker);
  EXPECT_EQ(p->directories, (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(p->name, "c");
  p = parse("a/b/");
  EXPECT_TRUE(p->marker && !p->off_path);
  EXPECT_EQ(p->directories, (std::vector<std::string_view>{"a"}));
  EXPECT_EQ(p->name, "b");
  for (const char* key :
       {"/", "//", "/a", "a//", "a//b", ".", "..", "./a", "a/..", "a/../b", "a/./"}) {
    EXPECT_TRUE(parse(key)->off_path) << key;
    EXPECT_FALSE(parse(key)->marker) << key;
  }
  for (const char* key : {"...", ".a", "a.", "a/...", " "})
    EXPECT_FALSE(parse(key)->off_path) << key;
  EXPECT_TRUE(parse(std::string(256, 'a'))->off_path);
  EXPECT_FALSE(parse(std::string(255, 'a') + "/b")->off_path);
}

TEST(Entries, VisitInOrderAndSeeDamage) {
  EntryBuilder builder(99);
  builder.put("k1", "v1");
  builder.end_op("first");
  builder.put("dropped", "");
  builder.drop_op();
  builder.put("k2", std::string(1000, 'v'));
  builder.erase("k3");
  builder.end_op("second");
  const std::string payload = builder.payload();
  std::string seen;
  EntryVisitor visitor;
  visitor.op = [&](std::string_view what) { seen += fmt::format("[{}]", what); };
  visitor.put = [&](std::string_view k, std::string_view v) -> Status {
    seen += fmt::format("+{}:{} ", k, v.size());
    return {};
  };
  visitor.erase = [&](std::string_view k) -> Status {
    seen += fmt::format("-{} ", k);
    return {};
  };
  const auto summary = visit_entry(payload, visitor);
  ASSERT_TRUE(summary);
  EXPECT_EQ(seen, "[first]+k1:2 [second]+k2:1000 -k3 ");
  EXPECT_EQ(summary->chain_before, 99u);
  EXPECT_EQ(summary->chain_after, builder.chain());
  for (size_t n = 0; n < 40; ++n)
    EXPECT_FALSE(visit_entry(payload.substr(0, payload.size() - 1 - n), visitor));
}

TEST(Packs, ManifestRoundTripAndDamage) {
  Packer packer(4096);
  EXPECT_FALSE(packer.fits(4096));
  ASSERT_TRUE(packer.fits(3000));
  EXPECT_EQ(packer.add(InodeId(5), 0, std::string(3000, 'a')), 0u);
  EXPECT_EQ(packer.add(InodeId(6), 1ull << 40, "bb"), 3000u);
  packer.add_owner(InodeId(7), 0, 2, 3000);
  uint32_t manifest_length = 0;
  const Buf stripe = packer.finish(&manifest_length);
  ASSERT_EQ(stripe.size(), 3002 + manifest_length);
  std::string manifest(stripe.view().substr(3002));
  const auto extents = decode_pack_manifest(manifest, 3002);
  ASSERT_TRUE(extents);
  ASSERT_EQ(extents->size(), 3u);
  EXPECT_EQ((*extents)[1].data, InodeId(6));
  EXPECT_EQ((*extents)[1].offset, 1ull << 40);
  EXPECT_EQ((*extents)[2].place, 3000u);
  EXPECT_FALSE(decode_pack_manifest(manifest, 3001));
  manifest[7] ^= 1;
  EXPECT_FALSE(decode_pack_manifest(manifest, 3002));
}

TEST(CheckpointManifests, RoundTripAndDamage) {
  CheckpointManifest m;
  m.lsn = Lsn(5);
  m.chain = 77;
  CheckpointFile table{
      "000012.sst", 300, 9,
      true,         "",  {{StripeId(3), GroupId(1), 200}, {StripeId(4), GroupId(1), 100}}};
  CheckpointFile current{"CURRENT", 4, 8, false, "abcd", {}};
  m.files = {table, current};
  const std::string bytes = encode_checkpoint(m);
  const auto back = decode_checkpoint(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_checkpoint(*back), bytes);
  EXPECT_EQ(back->stripes().size(), 2u);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 4;
    EXPECT_FALSE(decode_checkpoint(damaged)) << i;
  }
  const std::string body = encode_checkpoint_body(m);
  m.body_length = body.size();
  m.body_pieces = {{StripeId(9), GroupId(1), static_cast<uint32_t>(body.size())}};
  const auto outside = decode_checkpoint(encode_checkpoint(m));
  ASSERT_TRUE(outside);
  EXPECT_TRUE(outside->files.empty());
  CheckpointManifest whole = *outside;
  ASSERT_TRUE(decode_checkpoint_body(body, &whole));
  EXPECT_EQ(whole.stripes().size(), 3u);
  m.files[0].name = "../evil";
  m.body_pieces.clear();
  EXPECT_FALSE(decode_checkpoint(encode_checkpoint(m)));
}

}  // namespace
}  // namespace atl::ns
