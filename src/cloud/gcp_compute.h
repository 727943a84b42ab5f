// Compute over REST: Google Compute Engine v1, or the laboratory's emulator of it.
//
//   GcpOptions options;
//   options.project = "my-project";
//   ATOLL_TRY(auto compute, GcpCompute::make(env, std::move(options), std::move(tokens)));
//
// Every HTTP call ends within kCallDeadline, whatever the network does; what is made of several
// (lists of pages, network_features, backend_health, managed_instances) has it for each of them.
// Reads that fail with kUnavailable are tried again within the deadline; changes are not, except
// over a kept connection that turned out to be dead (same request id, so it is one change): their
// caller reads what came of it. Neither aggregatedList nor any *.wait is ever used: both are
// heavy-weight reads with a small quota of their own.
//
// Ownership: the Env outlives it; it may be destroyed with calls under way, which then end with
// kCancelled. Threads: the reactor's. Errors: as compute.h says. Answers that make no sense are
// kUnavailable with the reason.
#pragma once

#include <memory>
#include <string>

#include "cloud/compute.h"
#include "cloud/http_client.h"
#include "cloud/metadata_token.h"
#include "env/env.h"

namespace atl::cloud {

inline constexpr std::string_view kComputeEndpoint = "https://compute.googleapis.com";
// A read is tried so often, with pauses drawn from (0, kReadBackoffMin * 2^n], at most
// kReadBackoffMax: three more tries within a second or two get over a restarted front end.
inline constexpr int kReadTries = 4;
inline constexpr Nanos kReadBackoffMin = 100ms;
inline constexpr Nanos kReadBackoffMax = 2s;
// Entries of a page (the API's own maximum) and pages of a list: 10,000 forwarding rules are more
// than a region has.
inline constexpr int kPageEntries = 500;
inline constexpr int kPagesMax = 20;
// Instances whose addresses are asked for in one filtered list; keeps the URL below 4 KiB.
inline constexpr size_t kFilteredNamesMax = 25;
// Request ids are UUIDs: 36 characters.
inline constexpr size_t kRequestIdBytesMax = 64;

struct GcpOptions {
  std::string endpoint = std::string(kComputeEndpoint);
  std::string project;
  // Shared VPC: where networks, subnetworks and routes are; "" is the same project.
  std::string network_project;
  ResolveName resolve = resolve_by_system;
  // For https; null trusts the system's authorities.
  std::shared_ptr<TlsClient> tls;
};

class GcpCompute final : public Compute {
 public:
  // kInvalidArgument: a project or endpoint that cannot be.
  static Result<std::unique_ptr<GcpCompute>> make(env::Env& env, GcpOptions options,
                                                  std::shared_ptr<TokenSource> tokens);
  ~GcpCompute() override;

  Task<Result<Instance>> instance(InstanceRef ref) override;
  Task<Result<Operation>> set_aliases(InstanceRef ref, std::string nic, std::string fingerprint,
                                      std::vector<AliasRange> aliases,
                                      std::string request_id) override;
  Task<Result<Subnetwork>> subnetwork(std::string region, std::string name) override;
  Task<Result<NetworkFeatures>> network_features(std::string network) override;
  Task<Result<Route>> route(std::string name) override;
  Task<Result<std::vector<Route>>> routes_to(std::string network, std::string destination) override;
  Task<Result<Operation>> insert_route(Route route, std::string request_id) override;
  Task<Result<Operation>> delete_route(std::string name, std::string request_id) override;
  Task<Result<BackendService>> backend_service(std::string region, std::string name) override;
  Task<Result<Operation>> set_leader(std::string region, std::string service,
                                     std::string fingerprint, HaLeader leader,
                                     std::string request_id) override;
  Task<Result<std::vector<ForwardingRule>>> forwarding_rules(std::string region) override;
  Task<Result<Health>> backend_health(std::string region, std::string service,
                                      InstanceRef instance) override;
  Task<Result<std::vector<ManagedInstance>>> managed_instances(std::string zone,
                                                               std::string group) override;
  Task<Result<Operation>> operation(Operation::Scope scope, std::string location,
                                    std::string name) override;

  uint64_t connections_made() const;

  struct Core;  // gcp_call.h

 private:
  explicit GcpCompute(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

}  // namespace atl::cloud
