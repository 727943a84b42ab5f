#include "admin/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "admin/http_server.h"

namespace atl::admin {
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = boost::asio::ip::tcp;

std::string HttpReply::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (beast::iequals(beast::string_view(key.data(), key.size()),
                       beast::string_view(name.data(), name.size())))
      return value;
  return {};
}

Result<HttpReply> http_call(const std::string& address, const std::string& method,
                            const std::string& target,
                            const std::vector<std::pair<std::string, std::string>>& headers,
                            const std::string& body) {
  ATOLL_TRY(const auto host_port, parse_address(address));
  boost::asio::io_context io;
  boost::system::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host_port.first, std::to_string(host_port.second), error);
  if (error) return fail(Errc::kUnavailable, fmt::format("{}: {}", address, error.message()));

  // The calls of a tcp_stream time out only when they are asynchronous: run each to its end.
  beast::tcp_stream stream(io);
  auto finish = [&] {
    io.restart();
    io.run();
  };
  stream.expires_after(kHttpCallTimeout);
  stream.async_connect(found,
                       [&](boost::system::error_code e, const tcp::endpoint&) { error = e; });
  finish();
  if (error)
    return fail(Errc::kUnavailable,
                fmt::format("nobody answers at {}: {}", address, error.message()));

  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  for (const auto& [name, value] : headers) request.set(name, value);
  if (request[http::field::host].empty()) request.set(http::field::host, address);
  request.set(http::field::connection, "close");
  request.body() = body;
  if (!body.empty() || method == "PUT" || method == "POST") request.prepare_payload();
  http::async_write(stream, request, [&](boost::system::error_code e, size_t) { error = e; });
  finish();
  if (error)
    return fail(Errc::kUnavailable, fmt::format("sending to {}: {}", address, error.message()));

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kHttpReplyMax);
  if (method == "HEAD") parser.skip(true);
  stream.expires_after(kHttpCallTimeout);
  http::async_read(stream, buffer, parser, [&](boost::system::error_code e, size_t) { error = e; });
  finish();
  if (error)
    return fail(Errc::kUnavailable, fmt::format("answer of {}: {}", address, error.message()));

  HttpReply reply;
  reply.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get())
    reply.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  reply.body = std::move(parser.get().body());
  return reply;
}

}  // namespace atl::admin
