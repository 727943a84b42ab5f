// A small language for tests of the server: a world with one server and clients who send raw bytes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "env/net.h"
#include "env/sim_env.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/request_signer.h"
#include "frontend/s3/server.h"

namespace atl::s3::testing {

struct TestUsers final : CredentialStore {
  std::optional<std::string> secret_for(std::string_view access_key) override {
    if (access_key != "alice") return std::nullopt;
    return "s3cret";
  }
};

// Gives out `bytes` in pieces; fails after `fail_after` of them.
class TestBody final : public client::BodyReader {
 public:
  TestBody(std::string bytes, size_t piece, size_t fail_after = SIZE_MAX)
      : bytes_(std::move(bytes)), piece_(piece), fail_after_(fail_after) {}
  Task<Result<Buf>> next() override {
    if (position_ >= fail_after_) co_return fail(Errc::kCorrupt, "planned failure");
    const std::string_view part = std::string_view(bytes_).substr(position_, piece_);
    position_ += part.size();
    if (part.empty()) co_return Buf();
    co_return Buf::copy_of(part);
  }

 private:
  std::string bytes_;
  size_t piece_;
  size_t fail_after_;
  size_t position_ = 0;
};

// Answers by the key: what the tests need of an S3 server, and nothing is stored but `puts`.
struct TestHandler final : Handler {
  explicit TestHandler(env::Env& e) : env(e) {}

  Task<Response> handle(Request& request, RequestBody& body) override {
    ++calls;
    last_path = request.path;
    last_length = request.content_length;
    amz_headers.clear();
    content_type = request.headers.get("content-type");
    content_md5 = request.headers.get("content-md5");
    for (const auto& field : request.headers)
      if (to_lower_ascii(field.name).starts_with("x-amz-"))
        amz_headers[to_lower_ascii(field.name)] = field.value;
    Response response;
    if (request.method == "PUT" && !request.key.starts_with("ignore")) {
      if (request.key == "slow-reader") co_await env.sleep(std::chrono::seconds(600));
      std::string text;
      std::vector<uint8_t> step(read_step);
      while (true) {
        Result<size_t> n = co_await body.read(MutableByteSpan(step));
        if (!n) co_return error_response(body.error(), request);
        if (*n == 0) break;
        text.append(as_string_view(ByteSpan(step).first(*n)));
      }
      for (const auto& field : body.trailers()) trailers[std::string(field.name)] = field.value;
      puts[request.bucket + "/" + request.key] = text;
      response.set("ETag", "\"x\"");
      co_return response;
    }
    if (request.key == "sleep") co_await env.sleep(std::chrono::seconds(30));
    if (request.key == "missing") co_return error_response(err::kNoSuchKey, request);
    if (request.key == "big" || request.key == "broken" || request.key == "broken-at-once" ||
        request.key == "too-short" || request.key == "too-long") {
      size_t fail_after = SIZE_MAX;
      if (request.key == "broken") fail_after = 300'000;
      if (request.key == "broken-at-once") fail_after = 0;
      response.stream = std::make_unique<TestBody>(big, 100'000, fail_after);
      response.stream_length = big.size();
      if (request.key == "too-short") ++response.stream_length;
      if (request.key == "too-long") --response.stream_length;
      co_return response;
    }
    if (request.key == "evil") response.set("x-amz-meta-a", "b\r\nSet-Cookie: c");
    if (request.method == "DELETE") co_return Response(204);
    response.body = "hello " + request.key;
    co_return response;
  }

  env::Env& env;
  int calls = 0;
  size_t read_step = 10'000;
  std::string last_path;
  std::optional<uint64_t> last_length;
  std::map<std::string, std::string> amz_headers;
  std::string content_type;
  std::string content_md5;
  std::string big = std::string(700'000, 'z');
  std::map<std::string, std::string> puts;
  std::map<std::string, std::string> trailers;
};

struct Answer {
  int status = 0;  // 0: the connection ended instead
  std::string head;
  std::string body;
  bool whole = false;         // the body is as long as it says
  std::string code() const {  // of an error
    const size_t at = body.find("<Code>");
    return at == std::string::npos ? "" : body.substr(at + 6, body.find("</Code>") - at - 6);
  }
  bool says_close() const { return head.find("\r\nConnection: close\r\n") != std::string::npos; }
};

// One raw connection.
class Client {
 public:
  Client(env::SimEnv& env, std::unique_ptr<env::Stream> stream)
      : env_(env), stream_(std::move(stream)) {}

  bool send(std::string bytes) { return env_.run(write(stream_.get(), std::move(bytes))); }
  // The next answer. `head_only`: it has no body (HEAD).
  Answer receive(bool head_only = false) {
    return env_.run(read_answer(stream_.get(), &rest_, head_only));
  }
  Answer exchange(std::string bytes) {
    send(std::move(bytes));
    return receive();
  }
  bool ended() {  // the server has closed, and nothing is left
    return rest_.empty() && env_.run(read_end(stream_.get()));
  }
  void finish_sending() { stream_->shutdown_send(); }
  env::Stream& stream() { return *stream_; }

 private:
  static Task<bool> write(env::Stream* stream, std::string bytes) {
    std::vector<ByteSpan> parts(1, as_bytes(bytes));
    Status status = co_await stream->write_all(std::move(parts));
    co_return status.has_value();
  }
  static Task<bool> read_end(env::Stream* stream) {
    uint8_t byte = 0;
    Result<size_t> n = co_await stream->read_some(MutableByteSpan(&byte, 1));
    co_return !n || *n == 0;
  }
  static Task<bool> more(env::Stream* stream, std::string* rest) {
    std::vector<uint8_t> step(64 * 1024);
    Result<size_t> n = co_await stream->read_some(MutableByteSpan(step));
    if (!n || *n == 0) co_return false;
    rest->append(as_string_view(ByteSpan(step).first(*n)));
    co_return true;
  }
  static Task<Answer> read_answer(env::Stream* stream, std::string* rest, bool head_only) {
    Answer answer;
    size_t end = std::string::npos;
    while ((end = rest->find("\r\n\r\n")) == std::string::npos) {
      const bool got = co_await more(stream, rest);
      if (!got) co_return answer;
    }
    answer.head = rest->substr(0, end + 4);
    rest->erase(0, end + 4);
    answer.status = std::stoi(answer.head.substr(9, 3));
    size_t length = 0;
    if (const size_t at = answer.head.find("Content-Length: "); at != std::string::npos)
      length = std::stoul(answer.head.substr(at + 16));
    if (head_only) length = 0;
    while (rest->size() < length) {
      const bool got = co_await more(stream, rest);
      if (!got) break;
    }
    answer.whole = rest->size() >= length;
    answer.body = rest->substr(0, length);
    rest->erase(0, length);
    co_return answer;
  }

  env::SimEnv& env_;
  std::unique_ptr<env::Stream> stream_;
  std::string rest_;
};

struct ServerWorld {
  explicit ServerWorld(ServerOptions options = {}, uint64_t seed = 1)
      : env(seed), handler(env), server(env, handler, users, std::move(options)) {
    auto bound = server.listen({"127.0.0.1", 9000});
    EXPECT_TRUE(bound) << bound.error().to_string();
  }
  ~ServerWorld() {
    if (!stopped) stop();
  }
  void stop() {
    stopped = true;
    const Status status = env.run(server.stop(std::chrono::seconds(1)));
    EXPECT_TRUE(status) << status.error().to_string();
  }

  std::unique_ptr<env::Stream> connect_raw() {
    auto stream = env.run(env.network().connect({"127.0.0.1", 9000}));
    EXPECT_TRUE(stream) << stream.error().to_string();
    return std::move(*stream);
  }
  Client connect() { return Client(env, connect_raw()); }

  UnixSeconds now() {
    return std::chrono::duration_cast<std::chrono::seconds>(env.wall_now()).count();
  }
  std::string get(std::string path) { return head("GET", std::move(path)); }
  std::string head(std::string method, std::string path,
                   std::vector<std::pair<std::string, std::string>> headers = {},
                   std::string_view content_sha256 = "UNSIGNED-PAYLOAD") {
    ClientRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = std::move(headers);
    return signer.head(request, now(), content_sha256);
  }
  std::string put(std::string path, const std::string& body,
                  std::string_view content_sha256 = "UNSIGNED-PAYLOAD") {
    return head("PUT", std::move(path), {{"Content-Length", std::to_string(body.size())}},
                content_sha256) +
           body;
  }
  std::string put_chunked(std::string path, PayloadKind kind, std::string_view word,
                          const std::string& body, size_t chunk_bytes,
                          const std::vector<std::pair<std::string, std::string>>& trailers = {}) {
    std::vector<std::pair<std::string, std::string>> headers = {
        {"x-amz-decoded-content-length", std::to_string(body.size())},
        {"Transfer-Encoding", "chunked"}};
    for (const auto& [name, value] : trailers) headers.emplace_back("x-amz-trailer", name);
    std::string bytes = head("PUT", std::move(path), headers, word);
    const std::string wire = signer.aws_chunked_body(kind, body, chunk_bytes, trailers);
    // In HTTP chunks that do not respect the aws-chunked ones.
    for (size_t at = 0; at < wire.size(); at += 5000) {
      const std::string part = wire.substr(at, 5000);
      bytes += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
    }
    return bytes + "0\r\n\r\n";
  }

  env::SimEnv env;
  TestUsers users;
  TestHandler handler;
  Server server;
  RequestSigner signer{"alice", "s3cret"};
  bool stopped = false;
};

}  // namespace atl::s3::testing
