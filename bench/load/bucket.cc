#include "load/bucket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "load/response.h"
#include "load/signer.h"

namespace atl::load {
namespace {

constexpr size_t kReceiveBytes = 256 << 10;

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back("0123456789ABCDEF"[byte >> 4]);
    out.push_back("0123456789ABCDEF"[byte & 15]);
  }
  return out;
}

// The text between <name> and </name>; empty when it is not there.
std::string_view element(std::string_view xml, const std::string& name) {
  const size_t begin = xml.find("<" + name + ">");
  if (begin == std::string_view::npos) return {};
  const size_t from = begin + name.size() + 2;
  return xml.substr(from, xml.find("</", from) - from);
}

// Keys on the page, each greater than the one before and than `last`; -1 when they are not in
// order.
int64_t count_keys(std::string_view xml, std::string* last) {
  int64_t out = 0;
  for (size_t at = xml.find("<Key>"); at != std::string_view::npos; at = xml.find("<Key>", at)) {
    at += 5;
    const std::string_view key = xml.substr(at, xml.find('<', at) - at);
    if (key <= *last) return -1;
    last->assign(key);
    ++out;
  }
  return out;
}

class Visitor {
 public:
  explicit Visitor(const Options& options) : options_(options), signer_(options) {}
  ~Visitor() {
    if (fd_ >= 0) close(fd_);
  }

  std::expected<Outcome, std::string> list() {
    if (!open_connection()) return std::unexpected(std::string("connect: ") + std::strerror(errno));
    const auto begin = std::chrono::steady_clock::now();
    Outcome out;
    std::string token, last;
    do {
      const auto asked = std::chrono::steady_clock::now();
      const auto page = get(token);
      if (!page) return std::unexpected(page.error());
      const int64_t keys = count_keys(*page, &last);
      if (keys < 0) return std::unexpected("keys out of order after " + last);
      ++out.requests;
      out.bytes += static_cast<uint64_t>(keys);
      out.latency.add(static_cast<uint64_t>((std::chrono::steady_clock::now() - asked).count()));
      token = element(*page, "NextContinuationToken");
      if ((element(*page, "IsTruncated") == "true") != !token.empty())
        return std::unexpected("IsTruncated and NextContinuationToken do not agree");
    } while (!token.empty());
    out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return out;
  }

  std::expected<Outcome, std::string> make() {
    if (!open_connection()) return std::unexpected(std::string("connect: ") + std::strerror(errno));
    const auto made = exchange(signer_.head("PUT", "/" + options_.bucket, "", 0));
    if (!made) return std::unexpected(made.error());
    Outcome out;
    out.requests = 1;
    return out;
  }

 private:
  bool open_connection() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(options_.port);
    inet_pton(AF_INET, options_.host.c_str(), &to.sin_addr);
    if (fd_ < 0 || connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return false;
    const int on = 1;
    return setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
  }

  std::expected<std::string, std::string> get(const std::string& token) {
    std::string query;
    if (!token.empty()) query = "continuation-token=" + percent_encode(token) + "&";
    query += "list-type=2&max-keys=" + std::to_string(options_.page);
    return exchange(signer_.head("GET", "/" + options_.bucket, query, -1));
  }

  // Sends a request without body; the response's body.
  std::expected<std::string, std::string> exchange(const std::string& head) {
    if (send(fd_, head.data(), head.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(head.size()))
      return std::unexpected("send failed");
    std::string in;
    while (true) {
      const ssize_t n = recv(fd_, buffer_.data(), buffer_.size(), 0);
      if (n <= 0) return std::unexpected("the server closed the connection");
      in.append(buffer_.data(), static_cast<size_t>(n));
      const auto parsed = parse_head(in);
      if (!parsed) return std::unexpected(parsed.error());
      if (!*parsed || in.size() < (*parsed)->head_bytes + (*parsed)->body_bytes) continue;
      if ((*parsed)->status != 200) return std::unexpected(in.substr(0, 600));
      return in.substr((*parsed)->head_bytes);
    }
  }

  const Options& options_;
  Signer signer_;
  int fd_ = -1;
  std::vector<char> buffer_ = std::vector<char>(kReceiveBytes);
};

}  // namespace

std::expected<Outcome, std::string> make_bucket(const Options& options) {
  return Visitor(options).make();
}

std::expected<Outcome, std::string> run_list(const Options& options) {
  return Visitor(options).list();
}

}  // namespace atl::load
