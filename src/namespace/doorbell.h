// Wakes a background task: when it is rung, or when its time has come.
#pragma once

#include "env/env.h"
#include "env/sync.h"

namespace atl::ns {

class Doorbell {
 public:
  void ring() {
    rung_ = true;
    queue_.wake_all();
  }
  // Returns once it has been rung since the last wait, or after `limit`. One waiter at a time.
  Task<void> wait(env::Env& env, Nanos limit) {
    if (!rung_) {
      const env::TimerId timer = env.start_timer(limit, [this] { queue_.wake_all(); });
      co_await queue_.wait();
      env.cancel_timer(timer);
    }
    rung_ = false;
  }

 private:
  bool rung_ = false;
  env::WaitQueue queue_;
};

}  // namespace atl::ns
