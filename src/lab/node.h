// The node and controller processes of the laboratory: `atoll lab node|controller --config FILE`.
//
// What happens is told on standard output, one JSON object a line, flushed at once; logs go to
// standard error. t_ns is CLOCK_REALTIME in nanoseconds.
//
//   node        {"event":"ready","t_ns":...}
//               {"event":"lease","t_ns":...,"tenure":1}              it has its lease
//               {"event":"taken","t_ns":...,"vip":"10.0.9.1","generation":3}
//               {"event":"lapsed","t_ns":...,"why":"..."}            it gave all its addresses up
//               {"event":"draining","t_ns":...,"vip":"10.0.9.1"}     a planned move has begun
//               {"event":"left","t_ns":...,"vip":"10.0.9.1"}         silent, and the address is
//               gone
//               {"event":"handed_over","t_ns":...,"vip":"10.0.9.1","to":"node2"}
//               {"event":"cut","t_ns":...,"why":"..."}               it reaches no witness
//               {"event":"reaches","t_ns":...}                       it does again
//   controller  {"event":"ready","t_ns":...}
//               {"event":"leads","t_ns":...}   {"event":"follows","t_ns":...}
//               {"event":"lost_lease","t_ns":...,"node":"node1"}     its lease was seen to be free
//               {"event":"given","t_ns":...,"vip":"10.0.9.1","from":"node1","to":"node2"}
//               {"event":"asked","t_ns":...,"vip":"10.0.9.1","from":"node1","to":"node2"}
//               {"event":"says_cut","t_ns":...,"node":"node1"}       it is cut from clients
//               {"event":"many_cut","t_ns":...,"nodes":3}            too many say so: none is moved
//               {"event":"few_cut","t_ns":...}                       that has ended
//               {"event":"moving","t_ns":...,"vips":["10.0.9.1"]}    the mover begins a round
//               {"event":"api","t_ns":...,"calls":4,"changes":2,"unfinished":0}   and ends it
//               {"event":"delivered","t_ns":...,"vip":"10.0.9.1","node":"node2"}  seen by the mover
//   both        {"event":"stopped","t_ns":...}
//
// SIGTERM and SIGINT end them in order: addresses let go at once, lease released. For a planned
// move write vip/POOL/drain/NODE to the coordinator first.
//
// Threads: the process's own reactor.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "env/net.h"
#include "lab/responder.h"
#include "lab/service_kind.h"
#include "vip/pool_json.h"
#include "vip/reach_socket.h"
#include "vip/types.h"

namespace atl::lab {

// Of a configuration file.
inline constexpr size_t kProcessConfigMax = vip::kPoolJsonMax;

struct NodeConfig {
  vip::NodeName node;
  std::string incarnation;  // of this start of the process, unlike any before
  vip::Pool pool;
  Nanos lease = 1s;
  Nanos drain_limit = 30s;
  env::Endpoint coordinator{"198.18.0.1", 7000};
  std::string interface = "eth0";
  std::vector<std::string> fenced{"mgmt0"};
  std::string control_host = "127.0.0.1";  // the node's address on the management network
  uint16_t port = kServicePort;
  uint16_t health_port = kHealthPort;  // opened when the mover wants it
  uint16_t control_port = kControlPort;
  uint16_t reach_port = vip::kReachPort;  // of all nodes
  std::vector<std::string> reach_hosts;   // witnesses beside them, "10.0.0.9:443"
  ServiceKind service = ServiceKind::kHttp;
  std::string data;         // s3: the folder of its store
  std::string dns;          // a `dns` section (vip/dns/section.h); "": no name server here
  std::string planted_bug;  // "" or a name of base/planted_bug.h, where these are compiled in

  std::string encode() const;                               // JSON
  static Result<NodeConfig> decode(std::string_view json);  // kInvalidArgument
};

struct ControllerConfig {
  std::string name;  // of this start of the process, unlike any before
  vip::Pool pool;
  Nanos lease = 1s;
  env::Endpoint coordinator{"198.18.0.1", 7000};
  std::string compute = "http://198.18.0.1:8080";  // "": none, for linux-arp
  std::string project = "lab";
  // Where access tokens come from, "http://198.18.0.1:8080". "": Google's own metadata server when
  // `compute` is https, else none are used.
  std::string metadata;
  std::string planted_bug;

  std::string encode() const;
  static Result<ControllerConfig> decode(std::string_view json);
};

// Whole processes: until SIGTERM. The exit status: 0, 1 when it could not start, 2 a bad file.
int run_node(const std::string& config_path);
int run_controller(const std::string& config_path);

}  // namespace atl::lab
