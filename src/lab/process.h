// What the node and controller processes have in common: reading their file, telling what happens.
//
// Threads: the process's reactor.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "env/env.h"
#include "vip/event.h"

namespace atl::lab {

// At the end of a process its tasks have so long: the coordinator's calls may all run into their
// deadlines. What is left is the kernel's fence to end.
inline constexpr Nanos kStopLimit = 8s;

// The whole file, at most kProcessConfigMax. kNotFound, kTooLarge, kIo.
Result<std::string> read_config(const std::string& path);

// One line on standard output: {"event":what,"t_ns":...,fields}. `fields` is JSON without braces.
void tell_event(env::Env& env, std::string_view what, std::string_view fields = "");
void tell_event(env::Env& env, const vip::Event& event);
std::string json_text(std::string_view text);  // with its quotes

// kInvalidArgument: no such bug. kUnsupported: this program has none compiled in.
Status plant(const std::string& bug);

}  // namespace atl::lab
