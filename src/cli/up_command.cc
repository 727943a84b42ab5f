#include "cli/commands.h"

namespace atl::cli {

int run_up(server::Options options) {
  return server::run(options);
}

}  // namespace atl::cli
