// aws-chunked bodies: what is fine, and each way in which one can lie.
#include "frontend/s3/aws_chunked.h"

#include <gtest/gtest.h>

#include "frontend/s3/request_signer.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kDate = "20130524T000000Z";
constexpr std::string_view kScope = "20130524/us-east-1/s3/aws4_request";
const std::string kSeed(64, '5');

ChunkSignatures chain() {
  return {derive_signing_key("secret", "20130524", "us-east-1"), kDate, kScope, kSeed};
}

// One chunk as the client writes it, signed by `signatures`.
std::string chunk(ChunkSignatures& signatures, const std::string& data) {
  return fmt::format("{:x};chunk-signature={}\r\n{}{}", data.size(),
                     signatures.next_chunk(sha256(data)), data, data.empty() ? "" : "\r\n");
}

std::string chunks(ChunkSignatures& signatures, const std::vector<std::string>& data) {
  std::string out;
  for (const std::string& d : data) out += chunk(signatures, d);
  return out;
}

struct Outcome {
  std::string data;
  std::string error;  // S3's code; "incomplete" when it still waits for bytes; empty when done
  std::string checksum;
};

// Feeds `wire` in pieces of `piece` bytes, as a socket would.
Outcome decode(AwsChunkedParams params, const std::string& wire, size_t piece = 1 << 20) {
  AwsChunkedDecoder decoder(std::move(params));
  Outcome outcome;
  size_t available = 0, position = 0;
  while (!decoder.done() && !decoder.failed()) {
    const std::string_view seen = std::string_view(wire).substr(position, available - position);
    if (decoder.data_left() != 0 && !seen.empty()) {
      const std::string_view data =
          seen.substr(0, std::min<uint64_t>(seen.size(), decoder.data_left()));
      decoder.data(as_bytes(data));
      outcome.data.append(data);
      position += data.size();
      continue;
    }
    const size_t taken = decoder.feed(seen);
    position += taken;
    if (taken != 0) continue;
    if (decoder.done() || decoder.failed()) break;
    if (available == wire.size()) {
      outcome.error = "incomplete";
      return outcome;
    }
    available = std::min(available + piece, wire.size());
  }
  if (decoder.failed()) outcome.error = decoder.error().code;
  outcome.checksum = decoder.trailers().get("x-amz-checksum-crc32c");
  if (decoder.done()) {
    EXPECT_EQ(position, wire.size());
  }
  return outcome;
}

AwsChunkedParams signed_params(uint64_t length) {
  return {PayloadKind::kStreamingSigned, length, {}, chain()};
}
AwsChunkedParams unsigned_params(uint64_t length) {
  return {PayloadKind::kStreamingUnsignedTrailer, length, {"x-amz-checksum-crc32c"}, {}};
}
AwsChunkedParams trailer_params(uint64_t length) {
  return {PayloadKind::kStreamingSignedTrailer, length, {"x-amz-checksum-crc32c"}, chain()};
}

const std::string kA(8192, 'a');
const std::string kB(8192, 'b');

TEST(AwsChunked, SignedChunksAtEveryFragmentation) {
  auto signatures = chain();
  const std::string wire = chunks(signatures, {kA, kB, "tail", ""}) + "\r\n";
  for (size_t piece : {1, 2, 3, 7, 85, 86, 87, 88, 89, 1000, 8192, 100000}) {
    const Outcome outcome = decode(signed_params(16388), wire, piece);
    EXPECT_EQ(outcome.error, "") << piece;
    EXPECT_EQ(outcome.data, kA + kB + "tail") << piece;
  }
}

TEST(AwsChunked, EmptyBody) {
  auto signatures = chain();
  EXPECT_EQ(decode(signed_params(0), chunk(signatures, "") + "\r\n").error, "");
  EXPECT_EQ(decode(unsigned_params(0), "0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n").error, "");
}

TEST(AwsChunked, ReplayedReorderedDroppedAndForgedChunksAreRefused) {
  auto signatures = chain();
  const std::string a = chunk(signatures, kA);
  const std::string b = chunk(signatures, kB);
  const std::string end = chunk(signatures, "") + "\r\n";
  EXPECT_EQ(decode(signed_params(16384), a + b + end).error, "");
  EXPECT_EQ(decode(signed_params(16384), a + a + end).error, "SignatureDoesNotMatch");
  EXPECT_EQ(decode(signed_params(16384), b + a + end).error, "SignatureDoesNotMatch");
  EXPECT_EQ(decode(signed_params(8192), a + end).error, "SignatureDoesNotMatch");
  EXPECT_EQ(decode(signed_params(8192), b + end).error, "SignatureDoesNotMatch");

  std::string flipped = a + b + end;
  flipped[5000] ^= 1;
  EXPECT_EQ(decode(signed_params(16384), flipped).error, "SignatureDoesNotMatch");
  std::string forged = a + b + end;
  char& digit = forged[forged.find("chunk-signature=") + 16];
  digit = digit == '0' ? '1' : '0';
  EXPECT_EQ(decode(signed_params(16384), forged).error, "SignatureDoesNotMatch");

  // The chain of another request: another seed.
  AwsChunkedParams other = signed_params(16384);
  other.signatures = {derive_signing_key("secret", "20130524", "us-east-1"), kDate, kScope,
                      std::string(64, '6')};
  EXPECT_EQ(decode(std::move(other), a + b + end).error, "SignatureDoesNotMatch");
}

TEST(AwsChunked, LengthsMustAgree) {
  auto signatures = chain();
  const std::string wire = chunks(signatures, {kA, ""}) + "\r\n";
  EXPECT_EQ(decode(signed_params(8191), wire).error, "IncompleteBody");
  EXPECT_EQ(decode(signed_params(8193), wire).error, "IncompleteBody");
  EXPECT_EQ(decode(signed_params(8192), wire).error, "");
  EXPECT_EQ(decode(unsigned_params(2), "3\r\nabc\r\n0\r\n\r\n").error, "IncompleteBody");
  EXPECT_EQ(decode(unsigned_params(4), "3\r\nabc\r\n0\r\n\r\n").error, "IncompleteBody");
  // A size that would overflow a sum.
  EXPECT_EQ(decode(unsigned_params(3), "7fffffffffffffff\r\n").error, "IncompleteBody");
}

TEST(AwsChunked, OnlyTheLastSignedChunkMayBeSmall) {
  auto signatures = chain();
  const std::string wire = chunks(signatures, {std::string(8191, 'a'), kB});
  EXPECT_EQ(decode(signed_params(16383), wire).error, "InvalidChunkSizeError");
}

TEST(AwsChunked, TruncationIsNeverAnEnd) {
  auto signatures = chain();
  const std::string wire = chunks(signatures, {kA, ""}) + "\r\n";
  for (size_t n = 0; n < wire.size(); ++n)
    ASSERT_EQ(decode(signed_params(8192), wire.substr(0, n)).error, "incomplete") << n;
}

TEST(AwsChunked, MalformedFraming) {
  const std::string sig(64, '0');
  for (const std::string& bad :
       {std::string("x\r\n"), std::string("\r\n"), std::string("-1\r\n"), std::string("0x3\r\n"),
        std::string("3 \r\nabc\r\n"), std::string("3\nabc\r\n"), std::string("3\r\nabcX"),
        std::string("3\r\nabc\n"), std::string("10000000000000000\r\n"),
        std::string("ffffffffffffffff\r\n"), std::string("3;ext=1\r\n"),
        std::string(kChunkLineBytesMax, '0'), "3;chunk-signature=" + sig + "\r\n"})
    EXPECT_NE(decode(unsigned_params(3), bad).error, "incomplete") << bad;
  for (const std::string& bad :
       {std::string("2000\r\n"), std::string("2000;\r\n"),
        "2000;chunk-signature=" + sig.substr(1) + "\r\n",
        "2000;chunk-signature=" + sig + ";x=y\r\n", "2000;x=y;chunk-signature=" + sig + "\r\n",
        "2000;chunk-signature=" + std::string(64, 'A') + "\r\n"})
    EXPECT_EQ(decode(signed_params(8192), bad).error, "InvalidRequest") << bad;
}

TEST(AwsChunked, UnsignedTrailers) {
  const std::string good = "3\r\nabc\r\n0\r\nx-amz-checksum-crc32c:NqRNhg==\r\n\r\n";
  for (size_t piece : {1, 2, 3, 1000}) {
    const Outcome outcome = decode(unsigned_params(3), good, piece);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.data, "abc");
    EXPECT_EQ(outcome.checksum, "NqRNhg==");
  }
  auto error_of = [](const std::string& trailer) {
    return decode(unsigned_params(3), "3\r\nabc\r\n0\r\n" + trailer).error;
  };
  EXPECT_EQ(error_of("X-Amz-Checksum-CRC32C: NqRNhg== \r\n\r\n"), "");
  EXPECT_EQ(error_of("\r\n"), "MalformedTrailerError");  // declared and missing
  EXPECT_EQ(error_of("x-amz-checksum-sha1:a\r\n\r\n"), "MalformedTrailerError");  // not declared
  EXPECT_EQ(error_of("x-amz-checksum-crc32c:a\r\nx-amz-checksum-crc32c:b\r\n\r\n"),
            "MalformedTrailerError");
  EXPECT_EQ(error_of("nonsense\r\n\r\n"), "MalformedTrailerError");
  EXPECT_EQ(error_of(": x\r\n\r\n"), "MalformedTrailerError");
  EXPECT_EQ(error_of("x-amz-checksum-crc32c:a\x01\r\n\r\n"), "MalformedTrailerError");
  EXPECT_EQ(error_of("x-amz-checksum-crc32c:" + std::string(kChunkLineBytesMax, 'a')),
            "MalformedTrailerError");
  EXPECT_EQ(error_of("x-amz-trailer-signature:" + std::string(64, 'a') + "\r\n\r\n"),
            "MalformedTrailerError");
}

TEST(AwsChunked, SignedTrailers) {
  auto signatures = chain();
  const std::string data = chunks(signatures, {kA, ""});
  auto signer = signatures;
  const std::string field = "x-amz-checksum-crc32c:AAAAAA==";
  const std::string sig = signer.trailer(field + "\n");
  const std::string good = data + field + "\r\nx-amz-trailer-signature:" + sig + "\r\n\r\n";
  for (size_t piece : {1, 2, 3, 1000, 100000})
    EXPECT_EQ(decode(trailer_params(8192), good, piece).error, "") << piece;
  // As minio-go writes it.
  EXPECT_EQ(decode(trailer_params(8192),
                   data + field + "\n\r\nx-amz-trailer-signature:" + sig + "\r\n\r\n")
                .error,
            "");

  auto error_of = [&](const std::string& trailer) {
    return decode(trailer_params(8192), data + trailer).error;
  };
  EXPECT_EQ(error_of(field + "\r\nx-amz-trailer-signature:" + std::string(64, '0') + "\r\n\r\n"),
            "SignatureDoesNotMatch");
  EXPECT_EQ(
      error_of("x-amz-checksum-crc32c:BAAAAA==\r\nx-amz-trailer-signature:" + sig + "\r\n\r\n"),
      "SignatureDoesNotMatch");
  EXPECT_EQ(error_of("x-amz-trailer-signature:" + sig + "\r\n\r\n"), "MalformedTrailerError");
  EXPECT_EQ(error_of(field + "\r\nx-amz-trailer-signature:zz\r\n\r\n"), "MalformedTrailerError");
  EXPECT_EQ(error_of(field + "\r\n\r\n\r\n"), "SignatureDoesNotMatch");  // no signature at all
  EXPECT_EQ(error_of(field + "\r\nx-amz-trailer-signature:" + sig + "\r\n" + field + "\r\n\r\n"),
            "MalformedTrailerError");
  EXPECT_EQ(error_of(field + "\r\n\r\n" + field + "\r\n\r\n"), "MalformedTrailerError");
}

TEST(AwsChunked, PlainSignedBodiesHaveNoTrailers) {
  auto signatures = chain();
  const std::string data = chunks(signatures, {kA, ""});
  EXPECT_EQ(decode(signed_params(8192), data + "x-amz-checksum-crc32c:a\r\n\r\n").error,
            "MalformedTrailerError");
}

}  // namespace
}  // namespace atl::s3
