// What a request handler sees of HTTP: Request, RequestBody, Response, Handler.
//
// This is the seam between the protocol half (parsing, signatures, body decoding, connections) and
// the operations half (buckets, objects, XML). The protocol half has already checked, before a
// Handler is called: the syntax, the size limits, the signature, and that bucket and key are
// resolved. What it cannot know before the body has come (payload hash, chunk and trailer
// signatures, length) is checked while the handler reads, and reported by RequestBody::read.
//
// Ownership: the connection owns Request and RequestBody; both outlive Handler::handle's task, and
// all string_views in a Request point into memory that lives as long as the Request. They must not
// be kept after handle() has returned (a streaming Response must own what it needs). Threads: all
// on the reactor.
#pragma once

#include <cstdint>
#include <forward_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "client/body.h"
#include "env/task.h"
#include "frontend/s3/errors.h"

namespace atl::s3 {

// ASCII only; what HTTP means by case-insensitive.
bool equals_ignore_case(std::string_view a, std::string_view b);
std::string to_lower_ascii(std::string_view s);

// Header fields in the order they came; names compare without regard to case, and a name may
// repeat.
class Headers {
 public:
  struct Field {
    std::string_view name;   // as sent
    std::string_view value;  // without leading and trailing blanks
  };

  // The first field of that name, or nullopt. An empty value is not the same as none.
  std::optional<std::string_view> find(std::string_view name) const;
  std::string_view get(std::string_view name) const { return find(name).value_or(""); }
  bool has(std::string_view name) const { return find(name).has_value(); }
  size_t count(std::string_view name) const;

  void add(std::string name, std::string value);  // copies
  void add_view(std::string_view name,
                std::string_view value) {  // the caller keeps the bytes alive
    fields_.push_back({name, value});
  }
  // All fields of that name become one, in the place of the first, their values joined by ", ".
  void join(std::string_view name);
  void clear() {
    fields_.clear();
    owned_.clear();
  }

  const std::vector<Field>& fields() const { return fields_; }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }

 private:
  std::vector<Field> fields_;
  std::forward_list<std::string> owned_;
};

// Query parameters in the order they came.
class Query {
 public:
  struct Param {
    std::string key;           // percent-decoded; '+' is a blank
    std::string value;         // likewise; empty for `?acl` and for `?acl=`
    std::string_view raw_key;  // as sent (empty when made by add)
    std::string_view raw_value;
  };

  std::optional<std::string_view> find(std::string_view key) const;  // the first of that name
  std::string_view get(std::string_view key) const { return find(key).value_or(""); }
  bool has(std::string_view key) const { return find(key).has_value(); }

  void add(std::string key, std::string value) {
    params_.push_back({std::move(key), std::move(value), {}, {}});
  }
  void add_parsed(Param param) { params_.push_back(std::move(param)); }
  void clear() { params_.clear(); }

  const std::vector<Param>& params() const { return params_; }
  auto begin() const { return params_.begin(); }
  auto end() const { return params_.end(); }
  size_t size() const { return params_.size(); }
  bool empty() const { return params_.empty(); }

 private:
  std::vector<Param> params_;
};

struct Request {
  std::string_view method;    // "GET", as sent (methods are case-sensitive)
  std::string_view target;    // as sent: "/bucket/a%20b?acl"
  std::string_view raw_path;  // the target's part before '?'
  std::string path;           // raw_path percent-decoded ('+' stays '+'); any bytes, not normalised
  Query query;
  Headers headers;
  int version_minor = 1;  // HTTP/1.0 or HTTP/1.1

  // From path or virtual host (url.h). Both decoded; the key holds any bytes: "//", "..", NUL-free.
  // bucket is empty for the service itself; key is empty for the bucket itself.
  std::string bucket;
  std::string key;
  bool virtual_host = false;  // the bucket came from the Host header

  std::string remote_address;  // "127.0.0.1:41234"
  bool is_tls = false;
  std::string request_id;  // 16 upper-case hex digits: x-amz-request-id
  Nanos start{};           // Env::now() when the header was complete
  Nanos wall_time{};       // Env::wall_now() then

  std::string access_key;  // whose signature was checked; never empty in a handler
  // Bytes of payload that RequestBody will give: Content-Length, or x-amz-decoded-content-length
  // when the body is aws-chunked; 0 without a body. nullopt: Transfer-Encoding: chunked with no
  // length given, or a PUT that says nothing of a body.
  std::optional<uint64_t> content_length = 0;
  bool aws_chunked = false;
  std::string_view content_sha256;         // x-amz-content-sha256 as sent, or "UNSIGNED-PAYLOAD"
  std::vector<std::string> trailer_names;  // declared by x-amz-trailer, lower-case

  Request() = default;
  Request(const Request&) = delete;  // views point into what the connection owns
  Request& operator=(const Request&) = delete;

  bool is_head() const { return method == "HEAD"; }
  void reset();  // as new, keeping the memory of the containers for the next request
};

// The payload, decoded and verified as it is read. One reader at a time.
class RequestBody {
 public:
  virtual ~RequestBody() = default;

  // Reads up to into.size() bytes (at least 1, unless at the end) straight into the caller's
  // memory; 0 at the end. The end is returned only after everything that was promised has been
  // verified: length, payload SHA-256, every chunk signature, the trailer and its signature. So
  // nothing read may become visible before read() has returned 0.
  //
  // The first read answers "100 Continue" if the client waits for it. After an error each further
  // read fails too, and error() says what to answer the client.
  virtual Task<Result<size_t>> read(MutableByteSpan into) = 0;

  // Payload bytes not yet read; nullopt when no length was declared.
  virtual std::optional<uint64_t> remaining() const = 0;

  // Trailing header fields (x-amz-checksum-...), complete once read() has returned 0.
  virtual const Headers& trailers() const = 0;

  // What S3 says about the failure of the last read (IncompleteBody, SignatureDoesNotMatch,
  // XAmzContentSHA256Mismatch, ...). Only after read() has failed.
  virtual const S3Error& error() const = 0;
};

// A body in memory: for handlers' tests, and for requests without one.
class MemoryBody final : public RequestBody {
 public:
  MemoryBody() = default;
  explicit MemoryBody(std::string bytes) : bytes_(std::move(bytes)) {}
  // Reads succeed up to `bytes`, then fail with `error`.
  MemoryBody(std::string bytes, S3Error error)
      : bytes_(std::move(bytes)), error_(std::move(error)), fails_(true) {}

  Task<Result<size_t>> read(MutableByteSpan into) override;
  std::optional<uint64_t> remaining() const override { return bytes_.size() - position_; }
  const Headers& trailers() const override { return trailers_; }
  const S3Error& error() const override { return error_; }
  Headers& mutable_trailers() { return trailers_; }

 private:
  std::string bytes_;
  size_t position_ = 0;
  Headers trailers_;
  S3Error error_;
  bool fails_ = false;
};

// The whole body in one string, for XML requests. Fails with an S3Error: the body's own, or
// MaxMessageLengthExceeded past max_bytes.
Task<std::expected<std::string, S3Error>> read_all(RequestBody& body, size_t max_bytes);

struct Response {
  int status = 200;
  // The connection adds Date, Server, x-amz-request-id, x-amz-id-2, Content-Length, Connection.
  std::vector<std::pair<std::string, std::string>> headers;

  // The body: `stream` (exactly stream_length bytes) when set, else `body`. For HEAD, and for 204
  // and 304, nothing is sent; for HEAD the Content-Length is still that of the body, of
  // stream_length, or content_length where given.
  std::string body;
  std::unique_ptr<client::BodyReader> stream;
  uint64_t stream_length = 0;
  std::optional<uint64_t> content_length;  // for HEAD, where neither body nor stream was made

  bool close = false;  // close the connection after this answer

  Response() = default;
  explicit Response(int s) : status(s) {}
  void set(std::string name, std::string value);
  // The value of the first header of that name, "" when there is none. For tests.
  std::string_view header(std::string_view name) const;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Errors are already rendered in the response. What of the body has not been read is drained or
  // the connection closed by the caller. Must not throw.
  virtual Task<Response> handle(Request& request, RequestBody& body) = 0;
};

class CredentialStore {
 public:
  virtual ~CredentialStore() = default;
  // The secret of an access key that may be used now, else nullopt. Called once a request: fast.
  virtual std::optional<std::string> secret_for(std::string_view access_key) = 0;
};

}  // namespace atl::s3
