#include "admin/http_server.h"

#include <set>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "admin/routes.h"
#include "base/log.h"
#include "base/metrics.h"

namespace atl::admin {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

Result<std::pair<std::string, uint16_t>> parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size())
    return fail(Errc::kInvalidArgument, fmt::format("'{}' is not HOST:PORT", text));
  std::string host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  uint32_t port = 0;
  for (const char c : text.substr(colon + 1)) {
    if (c < '0' || c > '9' || port > 65535)
      return fail(Errc::kInvalidArgument, fmt::format("'{}' has no valid port", text));
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  if (port > 65535 || host.empty())
    return fail(Errc::kInvalidArgument, fmt::format("'{}' is not HOST:PORT", text));
  return std::pair(host, static_cast<uint16_t>(port));
}

namespace {

bool is_loopback_name(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(env::Env& e, Control& c, std::function<void()> before)
      : env(e), control(c), before_metrics(std::move(before)), acceptor(e.io()) {}

  env::Env& env;
  Control& control;
  std::function<void()> before_metrics;
  tcp::acceptor acceptor;
  std::set<beast::tcp_stream*> connections;
  bool stopping = false;

  static Task<void> accept_loop(std::shared_ptr<Impl> self);
  static Task<void> serve(std::shared_ptr<Impl> self, tcp::socket socket);
  Task<ApiResponse> answer(ApiRequest request);
};

HttpServer::HttpServer(env::Env& env, Control& control, std::function<void()> before_metrics)
    : impl_(std::make_shared<Impl>(env, control, std::move(before_metrics))) {}

HttpServer::~HttpServer() {
  stop();
}

Status HttpServer::listen(const std::string& address) {
  ATOLL_TRY(const auto host_port, parse_address(address));
  boost::system::error_code error;
  const std::string host = host_port.first == "localhost" ? "127.0.0.1" : host_port.first;
  const auto ip = asio::ip::make_address(host, error);
  if (error || !ip.is_loopback())
    return fail(
        Errc::kInvalidArgument,
        fmt::format("the admin API has no login and listens on loopback addresses only, not {}",
                    address));
  const tcp::endpoint endpoint(ip, host_port.second);
  auto& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return fail(Errc::kIo, fmt::format("cannot listen on {}: {}", address, error.message()));
  impl_->env.spawn("admin-accept", Impl::accept_loop(impl_));
  return {};
}

std::string HttpServer::address() const {
  boost::system::error_code error;
  const tcp::endpoint endpoint = impl_->acceptor.local_endpoint(error);
  if (error) return {};
  if (endpoint.address().is_v6())
    return fmt::format("[{}]:{}", endpoint.address().to_string(), endpoint.port());
  return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
}

void HttpServer::stop() {
  impl_->stopping = true;
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  for (beast::tcp_stream* stream : impl_->connections) stream->socket().close(ignored);
}

Task<void> HttpServer::Impl::accept_loop(std::shared_ptr<Impl> self) {
  while (!self->stopping) {
    boost::system::error_code error;
    tcp::socket socket =
        co_await self->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (self->stopping) co_return;
    if (error) {  // out of descriptors, most likely: let some connections end
      co_await self->env.sleep(100ms);
      continue;
    }
    if (self->connections.size() >= kMaxConnections) continue;  // closes it
    self->env.spawn("admin-connection", serve(self, std::move(socket)));
  }
}

Task<ApiResponse> HttpServer::Impl::answer(ApiRequest request) {
  if (request.path == "/metrics" && request.method == "GET") {
    before_metrics();
    ApiResponse out;
    out.content_type = "text/plain; version=0.0.4";
    out.body = metrics_text();
    co_return out;
  }
  if (request.path == "/healthz" && request.method == "GET") {
    ApiResponse out;
    out.content_type = "text/plain";
    out.body = "ok\n";
    co_return out;
  }
  co_return co_await route(control, std::move(request));
}

Task<void> HttpServer::Impl::serve(std::shared_ptr<Impl> self, tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  self->connections.insert(&stream);
  beast::flat_buffer buffer;
  bool keep_alive = true;
  while (keep_alive && !self->stopping) {
    boost::system::error_code error;
    http::request_parser<http::string_body> parser;
    parser.body_limit(kMaxBodyBytes);
    stream.expires_after(kIdleTimeout);
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    ApiResponse answer;
    unsigned version = 11;
    if (error == http::error::end_of_stream) break;
    if (error) {
      static const auto& parse_errors = http::make_error_code(http::error::bad_method).category();
      if (error.category() != parse_errors) break;
      answer = error_response(Error(Errc::kInvalidArgument, error.message()));
      keep_alive = false;
    } else {
      const auto& request = parser.get();
      keep_alive = request.keep_alive();
      version = request.version();
      ApiRequest call;
      call.method = std::string(request.method_string());
      call.path = std::string(request.target().substr(0, request.target().find('?')));
      call.body = request.body();
      std::string host(request[http::field::host]);
      const size_t colon = host.rfind(':');
      if (colon != std::string::npos && host.back() != ']') host.resize(colon);
      if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
      if (!host.empty() && !is_loopback_name(host)) {
        answer =
            error_response(Error(Errc::kPermission, "the Host header names no loopback address"));
      } else if (call.method != "GET" && request["X-Atoll-Admin"] != "1") {
        answer = error_response(Error(
            Errc::kPermission, "calls that change something need the header X-Atoll-Admin: 1"));
      } else {
        stream.expires_never();  // a long operation is not an idle connection
        answer = co_await self->answer(std::move(call));
      }
    }
    http::response<http::string_body> response;
    response.version(version);
    response.result(static_cast<unsigned>(answer.status));
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::server, "Atoll");
    response.keep_alive(keep_alive);
    response.body() = std::move(answer.body);
    response.prepare_payload();
    stream.expires_after(kIdleTimeout);
    co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
  self->connections.erase(&stream);
  boost::system::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace atl::admin
