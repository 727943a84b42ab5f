// One copy on disk: two slots, written in turn. Knows files, not majorities.
//
// Owned by shared_ptr: a write in flight keeps the file (and its lock) until it returns. store()
// and check() of one file never overlap; they wait for each other. One reactor thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "coord/snapshot.h"
#include "env/env.h"
#include "env/sync.h"

namespace atl::coord {

// A slot as read.
struct SlotView {
  Errc code = Errc::kBlank;  // kBlank, kCorrupt, kUnsupported, kIo; meaningless when good
  std::string detail;        // why it is not good
  bool good = false;         // header and body hold together
  std::optional<SnapshotHeader> header;  // set whenever the header alone holds
  Buf body;                              // padded; only when good
};

struct CopyView {
  std::array<SlotView, kSlots> slots;

  // The slot that was written last among the good ones.
  std::optional<int> newest() const;
  bool blank() const;
};

class CopyFile {
 public:
  // kNotFound, kBusy (in use), kIo; kCorrupt when it is not kFileBytes long.
  static Task<Result<std::shared_ptr<CopyFile>>> open(env::Env& env, std::string path);
  // kExists, kNoSpace, kIo. Makes the directory when there is none.
  static Task<Result<std::shared_ptr<CopyFile>>> create(env::Env& env, std::string path);

  // Reads both slots and remembers which is the newer. An unreadable slot is a view with kIo.
  static Task<CopyView> read(std::shared_ptr<CopyFile> file, env::ReadMode mode);

  // Writes the snapshot over the older slot and flushes: success means durable, in this place.
  // After an error the other slot is what it was.
  static Task<Status> store(std::shared_ptr<CopyFile> file, SnapshotHeader header, Buf body);

  // The first snapshot, into both slots of a blank file; each body is durable before its header, so
  // a crash leaves a slot blank or whole, never damaged.
  static Task<Status> form(std::shared_ptr<CopyFile> file, SnapshotHeader header, Buf body);

  // Re-reads the medium. A slot that does not hold what was last written there is written anew with
  // the snapshot stored last, and read again. For scrub. Before the first store() it only looks.
  struct Check {
    uint32_t slots_damaged = 0;
    uint32_t slots_repaired = 0;
    uint64_t bytes_read = 0;
  };
  static Task<Check> check(std::shared_ptr<CopyFile> file);

  bool still_in_place() { return file_->still_in_place(); }
  const std::string& path() const { return path_; }

 private:
  CopyFile(std::string path, std::unique_ptr<env::BlockFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Task<SlotView> read_slot(int slot, env::ReadMode mode);
  Task<Status> write_slot(int slot, SnapshotHeader header, Buf body);
  int older_slot() const { return newest_slot_ == 0 ? 1 : 0; }
  bool as_written(int slot, const SlotView& view) const;

  std::string path_;
  std::unique_ptr<env::BlockFile> file_;
  env::Mutex io_;
  int newest_slot_ = 1;
  // The header last written to, or read whole from, each slot; none: nothing known to be there.
  std::array<std::optional<SnapshotHeader>, kSlots> known_;
  std::optional<SnapshotHeader> stored_header_;  // of the last successful store()
  Buf stored_body_;
};

}  // namespace atl::coord
