// `atoll ls|put|get`: a quick look through the S3 door, signed like any client's requests.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/json.hpp>
#include <pugixml.hpp>

#include "admin/http_client.h"
#include "base/units.h"
#include "cli/admin_call.h"
#include "frontend/s3/sigv4.h"

namespace atl::cli {
namespace json = boost::json;
namespace {

// A quick look, not a bulk tool: a file goes in one request and through memory.
constexpr uint64_t kQuickFileMax = 1ull << 30;

// A key may be a blank: that is text, too.
constexpr unsigned kXmlOptions = pugi::parse_default | pugi::parse_ws_pcdata_single;

struct Where {
  std::string bucket;
  std::string key;
};

// "s3://bucket/key", "bucket/key", "bucket" or "".
Where parse_where(std::string text) {
  if (text.starts_with("s3://")) text = text.substr(5);
  Where out;
  const size_t slash = text.find('/');
  out.bucket = text.substr(0, slash);
  if (slash != std::string::npos) out.key = text.substr(slash + 1);
  return out;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) || c == '-' || c == '_' || c == '.' || c == '~' ||
        (c == '/' && keep_slash)) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", u);
    }
  }
  return out;
}

Result<RunFile> credentials(const Target& target) {
  RunFile run;
  Result<RunFile> left = read_run_file(data_dir_of(target));
  if (left) run = *left;
  const char* access = std::getenv("ATOLL_ACCESS_KEY");
  const char* secret = std::getenv("ATOLL_SECRET_KEY");
  const char* s3 = std::getenv("ATOLL_S3");
  if (access != nullptr && secret != nullptr) {
    run.access_key = access;
    run.secret_key = secret;
  }
  if (s3 != nullptr) run.s3 = s3;
  // Objects go through the S3 door: which one an admin address stands beside is in the data
  // directory.
  if (!target.admin.empty() && s3 == nullptr && run.admin != target.admin)
    return fail(
        Errc::kInvalidArgument,
        fmt::format("the cluster of {} is at {}, not at --admin {}; give its --data, or set "
                    "ATOLL_S3, ATOLL_ACCESS_KEY and ATOLL_SECRET_KEY",
                    data_dir_of(target), run.admin.empty() ? "no address" : run.admin,
                    target.admin));
  if (run.s3.empty() || run.access_key.empty()) {
    if (!left) return fail(left.error());
    return fail(Errc::kInvalidArgument,
                "set ATOLL_S3, ATOLL_ACCESS_KEY and ATOLL_SECRET_KEY, or give --data DIR");
  }
  return run;
}

Result<admin::HttpReply> s3_call(const RunFile& run, const std::string& method,
                                 const std::string& path, const std::string& query,
                                 const std::string& body) {
  if (run.s3.starts_with("https://"))
    return fail(Errc::kUnsupported,
                "atoll ls, put and get speak plain HTTP; use an S3 client for TLS");
  const std::string host = run.s3.starts_with("http://") ? run.s3.substr(7) : run.s3;
  char date[32];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &utc);
  const std::string day = std::string(date).substr(0, 8);
  const std::string scope = day + "/us-east-1/s3/aws4_request";
  const std::string canonical = fmt::format(
      "{}\n{}\n{}\nhost:{}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{}\n\n"
      "host;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD",
      method, path, query, host, date);
  const s3::SigningKey key = s3::derive_signing_key(run.secret_key, day, "us-east-1");
  const std::string signature = s3::hmac_hex(key, s3::string_to_sign(date, scope, canonical));
  std::vector<std::pair<std::string, std::string>> headers;
  headers.emplace_back("Host", host);
  headers.emplace_back("x-amz-date", date);
  headers.emplace_back("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  headers.emplace_back(
      "Authorization",
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, "
                  "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={}",
                  run.access_key, scope, signature));
  ATOLL_TRY(
      admin::HttpReply reply,
      admin::http_call(host, method, query.empty() ? path : path + "?" + query, headers, body));
  if (reply.status >= 300) {
    pugi::xml_document document;
    std::string message = fmt::format("the cluster answered {}", reply.status);
    if (document.load_buffer(reply.body.data(), reply.body.size())) {
      const pugi::xml_node error = document.child("Error");
      if (error)
        message = fmt::format("{}: {}", error.child_value("Code"), error.child_value("Message"));
    }
    return fail(Errc::kInternal, message);
  }
  return reply;
}

std::string object_path(const Where& where) {
  return "/" + percent_encode(where.bucket, false) + "/" + percent_encode(where.key, true);
}

int list_buckets(const Target& target, const RunFile& run) {
  const Result<admin::HttpReply> reply = s3_call(run, "GET", "/", "", "");
  if (!reply) return report(reply.error());
  pugi::xml_document document;
  document.load_buffer(reply->body.data(), reply->body.size(), kXmlOptions);
  json::array out;
  for (const pugi::xml_node bucket :
       document.child("ListAllMyBucketsResult").child("Buckets").children("Bucket")) {
    out.push_back(json::object{{"bucket", bucket.child_value("Name")}});
    if (!target.json)
      fmt::print("{}  {}\n", bucket.child_value("CreationDate"), bucket.child_value("Name"));
  }
  if (target.json) fmt::print("{}\n", json::serialize(out));
  return 0;
}

}  // namespace

int run_ls(const Target& target, const std::string& text) {
  const Result<RunFile> run = credentials(target);
  if (!run) return report(run.error());
  const Where where = parse_where(text);
  if (where.bucket.empty()) return list_buckets(target, *run);
  json::array out;
  std::string token;
  do {
    // Query parameters in their canonical order.
    std::string query =
        token.empty() ? "" : "continuation-token=" + percent_encode(token, false) + "&";
    query += "delimiter=%2F&list-type=2&prefix=" + percent_encode(where.key, false);
    const Result<admin::HttpReply> reply =
        s3_call(*run, "GET", "/" + percent_encode(where.bucket, false), query, "");
    if (!reply) return report(reply.error());
    pugi::xml_document document;
    document.load_buffer(reply->body.data(), reply->body.size(), kXmlOptions);
    const pugi::xml_node result = document.child("ListBucketResult");
    for (const pugi::xml_node prefix : result.children("CommonPrefixes")) {
      const char* name = prefix.child_value("Prefix");
      if (target.json)
        out.push_back(json::object{{"prefix", name}});
      else
        fmt::print("{:>24}  {:>10}  {}\n", "", "", name);
    }
    for (const pugi::xml_node object : result.children("Contents")) {
      const uint64_t size = std::strtoull(object.child_value("Size"), nullptr, 10);
      if (target.json)
        out.push_back(json::object{{"key", object.child_value("Key")},
                                   {"size_bytes", size},
                                   {"modified", object.child_value("LastModified")}});
      else
        fmt::print("{:>24}  {:>10}  {}\n", object.child_value("LastModified"), format_bytes(size),
                   object.child_value("Key"));
    }
    token = result.child_value("NextContinuationToken");
  } while (!token.empty());
  if (target.json) fmt::print("{}\n", json::serialize(out));
  return 0;
}

int run_put(const Target& target, const std::string& file, const std::string& text) {
  const Result<RunFile> run = credentials(target);
  if (!run) return report(run.error());
  Where where = parse_where(text);
  if (where.bucket.empty())
    return report(Error(Errc::kInvalidArgument, "put FILE BUCKET/KEY: the bucket is missing"));
  if (where.key.empty() || where.key.back() == '/') where.key += file.substr(file.rfind('/') + 1);
  if (std::filesystem::is_directory(file))
    return report(
        Error(Errc::kInvalidArgument, file + " is a directory; use an S3 client for trees"));
  std::ifstream in(file, std::ios::binary);
  if (!in) return report(Error(Errc::kNotFound, "cannot read " + file));
  std::stringstream body;
  body << in.rdbuf();
  std::string bytes = std::move(body).str();
  if (bytes.size() > kQuickFileMax)
    return report(Error(Errc::kTooLarge,
                        "atoll put is for files up to 1 GiB; use an S3 client for larger ones"));
  // The bucket is made when it is not there: this is for a first look.
  Result<admin::HttpReply> made =
      s3_call(*run, "HEAD", "/" + percent_encode(where.bucket, false), "", "");
  if (!made) made = s3_call(*run, "PUT", "/" + percent_encode(where.bucket, false), "", "");
  if (!made) return report(made.error());
  const Result<admin::HttpReply> reply = s3_call(*run, "PUT", object_path(where), "", bytes);
  if (!reply) return report(reply.error());
  if (target.json)
    fmt::print("{}\n", json::serialize(json::object{{"bucket", where.bucket},
                                                    {"key", where.key},
                                                    {"size_bytes", bytes.size()},
                                                    {"etag", reply->header("etag")}}));
  else
    fmt::print("{} -> s3://{}/{} ({})\n", file, where.bucket, where.key,
               format_bytes(bytes.size()));
  return 0;
}

int run_get(const Target& target, const std::string& text, const std::string& file) {
  const Result<RunFile> run = credentials(target);
  if (!run) return report(run.error());
  const Where where = parse_where(text);
  if (where.bucket.empty() || where.key.empty())
    return report(Error(Errc::kInvalidArgument, "get BUCKET/KEY [FILE]: the key is missing"));
  const Result<admin::HttpReply> reply = s3_call(*run, "GET", object_path(where), "", "");
  if (!reply) return report(reply.error());
  if (file.empty() || file == "-") {
    std::fwrite(reply->body.data(), 1, reply->body.size(), stdout);
    return 0;
  }
  std::ofstream out(file, std::ios::binary);
  out.write(reply->body.data(), static_cast<std::streamsize>(reply->body.size()));
  out.close();
  if (!out) return report(Error(Errc::kIo, "cannot write " + file));
  if (target.json)
    fmt::print("{}\n", json::serialize(json::object{{"bucket", where.bucket},
                                                    {"key", where.key},
                                                    {"size_bytes", reply->body.size()},
                                                    {"file", file}}));
  else
    fmt::print("s3://{}/{} -> {} ({})\n", where.bucket, where.key, file,
               format_bytes(reply->body.size()));
  return 0;
}

}  // namespace atl::cli
