// A client process of the laboratory.
#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "lab/client.h"
#include "lab/load.h"

namespace atl::lab {
namespace {

Result<ClientConfig> read_config(const std::string& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return fail(Errc::kNotFound, fmt::format("{}: cannot be read", path));
  return ClientConfig::decode(text);
}

Status load(const std::string& config_path) {
  ATOLL_TRY(ClientConfig config, read_config(config_path));
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
  const int output_fd =
      ::open(config.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (stop_fd < 0 || output_fd < 0)
    return fail(Errc::kIo, fmt::format("{}: {}", config.output, std::strerror(errno)));
  Load work(std::move(config), output_fd);
  const Status done = work.run(stop_fd);
  ::close(output_fd);
  ::close(stop_fd);
  return done;
}

}  // namespace

int run_client(const std::string& config_path) {
  const Status done = load(config_path);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
  return 1;
}

}  // namespace atl::lab
