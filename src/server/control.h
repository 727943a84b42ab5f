// admin::Control over a LocalCluster and its users.
#pragma once

#include "admin/control.h"
#include "server/local_cluster.h"
#include "server/users.h"

namespace atl::server {

class ServerControl final : public admin::Control {
 public:
  ServerControl(LocalCluster& cluster, Users& users) : cluster_(cluster), users_(users) {}

  Task<Result<boost::json::value>> status() override;
  Task<Status> domain_fail(DomainId domain) override;
  Task<Status> domain_drain(DomainId domain) override;
  Task<Status> domain_return(DomainId domain) override;
  Task<Result<boost::json::value>> device_replace(std::vector<DeviceId> devices,
                                                  bool force) override;
  Task<Status> scrub_start() override;
  boost::json::value scrub_state() override;
  Task<Result<admin::NewSecret>> user_create(std::string name) override;
  Task<Result<std::vector<admin::User>>> user_list() override;
  Task<Result<admin::NewSecret>> user_rotate(std::string access_key) override;
  Task<Status> user_delete(std::string access_key) override;
  Task<Status> checkpoint() override;
  Task<Status> destage() override;

  // Until no scrub that was started here runs any more.
  Task<void> idle();

 private:
  Task<void> run_scrub();
  LocalCluster& cluster_;
  Users& users_;
  int scrubs_ = 0;
  env::WaitQueue scrub_ended_;
};

}  // namespace atl::server
