// A whole Atoll in one process: N domains as folders (or raw devices), one partition, the S3 door,
// and the admin API. This is what `atoll up` runs.
//
// On disk, under the data directory:
//   domain-<i>/device.dat   the domain's device (or a raw device given with --device i=PATH)
//   domain-<i>/coord.dat    a copy of the coordinator's state, in the first 2m+1 domains
//   view/                   RocksDB: rebuilt from the journal when it is gone
//   admin.addr              where the admin API listens, for the CLI; may be lost
//   forming                 there only while a new cluster is being made
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "cluster/cluster_map.h"
#include "env/env.h"
#include "env/real_env.h"

namespace atl::server {

struct Options {
  std::string data_dir;
  uint32_t domains = 8;
  cluster::Protection protection;
  uint64_t device_bytes = 0;  // 0: chosen from the free space (see default_device_bytes)
  std::map<uint32_t, std::string> raw_devices;  // domain -> block device path
  std::string s3_listen = "127.0.0.1:9000";
  std::string admin_listen = "127.0.0.1:9001";
  std::string s3_domain;  // virtual-host style: BUCKET.<this>
  std::string region = "us-east-1";
  std::string tls_certificate_path;  // both or neither
  std::string tls_key_path;
  std::string root_access_key;  // empty: kept from the last start, or made at the first
  std::string root_secret_key;
};

// A device's size when none is asked for: a sixteenth of the free space below `data_dir` for each
// of 8 domains, at most 16 GiB.
Result<uint64_t> default_device_bytes(const std::string& data_dir, uint32_t domains);

// Runs until SIGTERM or SIGINT; prints the banner and `ready`. The program's exit status.
int run(const Options& options);

}  // namespace atl::server
