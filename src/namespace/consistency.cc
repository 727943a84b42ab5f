// Does everything add up? Goes through all rows of a snapshot and compares what says the same
// twice: entries and inodes, counts of children, marks of inline data, references to stripes,
// statistics.
//
// Keeps ids of everything in memory: for tests, the simulator and support, not for every day.
#include <map>
#include <set>

#include "namespace/keys.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

class Checker {
 public:
  explicit Checker(Reader& reader) : reader_(reader) {}

  Result<std::vector<std::string>> run() {
    ATOLL_TRY_STATUS(load());
    check_buckets();
    check_entries();
    check_inodes();
    check_extents();
    check_stripes();
    check_counters();
    return std::move(found_);
  }

 private:
  struct Home {
    InodeId parent;
    std::string name;
    bool off_path;
  };

  template <typename... Args>
  void report(fmt::format_string<Args...> format, Args&&... args) {
    if (found_.size() < 100) found_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  template <typename Record>
  Status each(Row row, std::map<std::string, Record>* out) {
    Scan scan = reader_.scan_prefix(row_prefix(row));
    for (; scan.valid(); scan.next()) {
      if (!key_well_formed(scan.key())) report("strange key {}", to_hex(as_bytes(scan.key())));
      ATOLL_TRY_STATUS(decode(scan.value(), &(*out)[std::string(scan.key())]));
    }
    return scan.status();
  }

  Status load() {
    ATOLL_TRY_STATUS(each(Row::kBucket, &buckets_));
    ATOLL_TRY_STATUS(each(Row::kEntry, &entries_));
    ATOLL_TRY_STATUS(each(Row::kOffPath, &off_path_));
    ATOLL_TRY_STATUS(each(Row::kInline, &inline_));
    ATOLL_TRY_STATUS(each(Row::kPart, &parts_));
    ATOLL_TRY_STATUS(each(Row::kUpload, &uploads_));
    Scan inodes = reader_.scan_prefix(row_prefix(Row::kInode));
    for (; inodes.valid(); inodes.next())
      ATOLL_TRY_STATUS(decode(inodes.value(), &inodes_[key_inode(inodes.key())]));
    ATOLL_TRY_STATUS(inodes.status());
    Scan extents = reader_.scan_prefix(row_prefix(Row::kExtent));
    for (; extents.valid(); extents.next()) {
      ExtentRecord& x = extents_[key_inode(extents.key())][key_offset(extents.key())];
      ATOLL_TRY_STATUS(decode(extents.value(), &x));
      x.bytes = {};  // would dangle
    }
    ATOLL_TRY_STATUS(extents.status());
    Scan stripes = reader_.scan_prefix(row_prefix(Row::kStripe));
    for (; stripes.valid(); stripes.next())
      ATOLL_TRY_STATUS(decode(stripes.value(), &stripes_[key_stripe(stripes.key())]));
    ATOLL_TRY_STATUS(stripes.status());
    for (const Row row : {Row::kReclaim, Row::kToFree, Row::kBackRef}) {
      Scan scan = reader_.scan_prefix(row_prefix(row));
      for (; scan.valid(); scan.next()) bare_[row].insert(std::string(scan.key()));
      ATOLL_TRY_STATUS(scan.status());
    }
    ATOLL_TRY(const auto counters, reader_.find<Counters>(counters_key()));
    if (counters) counters_ = *counters;
    return {};
  }

  void check_buckets() {
    for (const auto& [key, bucket] : buckets_) {
      const std::string name = key.substr(1);
      const auto it = entries_.find(directory_entry_key(kRootInode, name));
      if (it == entries_.end() || it->second.directory != bucket.directory)
        report("bucket {} has no directory in the root", name);
      bucket_directories_.insert(bucket.directory);
    }
    if (buckets_.size() != counters_.buckets)
      report("{} buckets, counted {}", buckets_.size(), counters_.buckets);
  }

  void note_file(const FileEntry& file, InodeId parent, std::string name, bool off_path) {
    ++links_[file.inode];
    ++objects_;
    homes_[file.inode] = {parent, std::move(name), off_path};
    const auto it = inodes_.find(file.inode);
    if (it == inodes_.end()) return report("entry of inode {} that does not exist", file.inode);
    const InodeRecord& inode = it->second;
    object_bytes_ += inode.size;
    if (inode.type == InodeType::kDirectory) report("file entry of directory {}", file.inode);
    if (file.has_attributes &&
        (file.attributes.size != inode.size || file.attributes.etag != inode.meta.etag ||
         file.attributes.mtime != inode.mtime))
      report("entry of inode {} shows other attributes", file.inode);
  }

  void check_entries() {
    for (const auto& [key, row] : entries_) {
      const InodeId parent = key_inode(key);
      std::string name(key_tail(key));
      ++children_[parent];
      if (row.is_directory() != (name.back() == '/')) report("entry {} is of the wrong kind", name);
      if (row.is_directory()) {
        name.pop_back();
        ++links_[row.directory];
        homes_[row.directory] = {parent, name, false};
        if (!inodes_.contains(row.directory))
          report("entry of directory {} that does not exist", row.directory);
        if (row.file) {
          markers_.insert(row.directory);
          note_file(*row.file, row.directory, "", false);
        }
      } else {
        note_file(*row.file, parent, name, false);
      }
    }
    for (const auto& [key, row] : off_path_) {
      ++off_path_count_[key_inode(key)];
      if (!row.file || row.is_directory()) {
        report("off-path row that is no file");
        continue;
      }
      note_file(*row.file, key_inode(key), std::string(key_tail(key)), true);
    }
  }

  void check_inodes() {
    for (const auto& [id, inode] : inodes_) {
      const uint64_t links = links_[id];
      if (inode.type == InodeType::kDirectory) {
        if (inode.children != children_[id])
          report("directory {} counts {} children of {}", id, inode.children, children_[id]);
        if (inode.off_path_entries != off_path_count_[id])
          report("bucket {} counts {} off-path rows of {}", id, inode.off_path_entries,
                 off_path_count_[id]);
        if (id != kRootInode && links != 1) report("directory {} has {} entries", id, links);
        if (inode.implicit && inode.children == 0 && !markers_.contains(id))
          report("implicit directory {} is empty", id);
      } else {
        if (links != inode.nlink)
          report("inode {} has {} links, counted {}", id, links, inode.nlink);
        for (const Piece& piece : inode.pieces) own(piece.data, piece.length);
      }
      const auto home = homes_.find(id);
      if (home != homes_.end() && inode.nlink < 3 &&
          (home->second.parent != inode.parent || home->second.name != inode.name ||
           home->second.off_path != inode.off_path))
        report("inode {} says it lives elsewhere", id);
    }
    for (const auto& [id, n] : children_)
      if (n != 0 && !inodes_.contains(id))
        report("entries in directory {} that does not exist", id);
    std::set<InodeId> uploads;
    for (const auto& [key, upload] : uploads_) uploads.insert(upload.id);
    const auto& reclaim = bare_[Row::kReclaim];
    for (const auto& [key, part] : parts_) {
      own(part.data, part.size);
      const InodeId upload = key_inode(key);
      if (!uploads.contains(upload) &&
          !reclaim.contains(reclaim_key(upload, static_cast<uint8_t>(ReclaimKind::kUpload))))
        report("part of upload {} that does not exist", upload);
    }
  }

  void own(InodeId data, uint64_t length) {
    if (!owned_.emplace(data, length).second) report("data {} has two owners", data);
  }

  void check_extents() {
    for (const auto& [data, length] : owned_) {
      uint64_t reached = 0;
      for (const auto& [offset, x] : extents_[data]) {
        if (offset != reached) report("data {} has a hole at {}", data, reached);
        reached = offset + x.length;
      }
      if (reached != length) report("data {} ends at {} of {}", data, reached, length);
    }
    const auto& reclaim = bare_[Row::kReclaim];
    uint64_t inline_bytes = 0;
    for (const auto& [data, extents] : extents_) {
      if (!extents.empty() && !owned_.contains(data) &&
          !reclaim.contains(reclaim_key(data, static_cast<uint8_t>(ReclaimKind::kData))))
        report("extents of data {} that nobody owns", data);
      for (const auto& [offset, x] : extents) {
        const auto mark = inline_.find(inline_key(data, offset));
        if (x.is_inline()) {
          inline_bytes += x.length;
          if (mark == inline_.end() || mark->second.stamp != x.stamp ||
              mark->second.length != x.length)
            report("inline extent {}+{} is not marked", data, offset);
          continue;
        }
        if (mark != inline_.end()) report("extent {}+{} is marked inline", data, offset);
        live_[x.stripe.id] += x.length;
        const bool back = bare_[Row::kBackRef].contains(back_ref_key(x.stripe.id, data, offset));
        if (back != x.back_ref) report("extent {}+{} and its back reference differ", data, offset);
        if (x.back_ref) ++back_refs_;
        const auto s = stripes_.find(x.stripe.id);
        if (s == stripes_.end()) {
          report("extent {}+{} in stripe {} that is not on the table", data, offset, x.stripe.id);
        } else if (!(s->second.ref == x.stripe)) {
          report("extent {}+{} describes its stripe wrongly", data, offset);
        }
      }
    }
    for (const auto& [key, mark] : inline_) {
      const auto data = extents_.find(key_inode(key));
      if (data == extents_.end() || !data->second.contains(key_offset(key)))
        report("inline mark without an extent");
    }
    if (inline_bytes != counters_.inline_bytes)
      report("{} inline bytes, counted {}", inline_bytes, counters_.inline_bytes);
    if (back_refs_ != bare_[Row::kBackRef].size()) report("back references without extents");
  }

  void check_stripes() {
    Counters sum;
    for (const auto& [id, s] : stripes_) {
      if (s.live_bytes != live_[id])
        report("stripe {} counts {} live bytes of {}", id, s.live_bytes, live_[id]);
      if (s.live_bytes == 0) report("stripe {} is on the table without live bytes", id);
      if (bare_[Row::kToFree].contains(to_free_key(id)))
        report("stripe {} is to be freed and in use", id);
      ++sum.stripes;
      sum.stripe_live_bytes += s.live_bytes;
      sum.stripe_data_bytes += s.payload_bytes;
      if (s.kind != StripeKind::kPacked) continue;
      sum.packed_live_bytes += s.live_bytes;
      sum.packed_data_bytes += s.payload_bytes;
    }
    if (sum.stripes != counters_.stripes || sum.stripe_live_bytes != counters_.stripe_live_bytes ||
        sum.stripe_data_bytes != counters_.stripe_data_bytes ||
        sum.packed_live_bytes != counters_.packed_live_bytes ||
        sum.packed_data_bytes != counters_.packed_data_bytes)
      report("the stripes' statistics do not add up");
  }

  void check_counters() {
    if (objects_ != counters_.objects)
      report("{} objects, counted {}", objects_, counters_.objects);
    if (object_bytes_ != counters_.bytes)
      report("{} bytes of objects, counted {}", object_bytes_, counters_.bytes);
    if (!inodes_.empty() && inodes_.rbegin()->first.value >= counters_.next_id)
      report("inode {} is beyond the next id", inodes_.rbegin()->first);
  }

  Reader& reader_;
  std::vector<std::string> found_;
  std::map<std::string, BucketRecord> buckets_;
  std::map<std::string, EntryRecord> entries_;
  std::map<std::string, EntryRecord> off_path_;
  std::map<std::string, InlineRecord> inline_;
  std::map<std::string, PartRecord> parts_;
  std::map<std::string, UploadRecord> uploads_;
  std::map<InodeId, InodeRecord> inodes_;
  std::map<InodeId, std::map<uint64_t, ExtentRecord>> extents_;
  std::map<StripeId, StripeRecord> stripes_;
  std::map<Row, std::set<std::string>> bare_;
  Counters counters_;
  std::set<InodeId> bucket_directories_;
  std::set<InodeId> markers_;
  std::map<InodeId, uint64_t> links_;
  std::map<InodeId, uint64_t> children_;
  std::map<InodeId, uint64_t> off_path_count_;
  std::map<InodeId, Home> homes_;
  std::map<InodeId, uint64_t> owned_;
  std::map<StripeId, uint64_t> live_;
  uint64_t objects_ = 0;
  uint64_t object_bytes_ = 0;
  uint64_t back_refs_ = 0;
};

}  // namespace

Task<Result<std::vector<std::string>>> PartitionImpl::check_consistency() {
  std::function<Result<std::vector<std::string>>(Reader&)> lookup = [](Reader& reader) {
    return Checker(reader).run();
  };
  co_return co_await look<std::vector<std::string>>(std::move(lookup), true);
}

}  // namespace atl::ns
