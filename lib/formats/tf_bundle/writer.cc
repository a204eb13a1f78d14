#include "formats/tf_bundle/writer.h"

#include <algorithm>
#include <cstdio>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/string_pool.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
#include "formats/tf_bundle/crc32c.h"
#include "formats/tf_bundle/dtype.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/paths.h"
#include "formats/tf_bundle/protos.h"
#include "formats/tf_bundle/table_builder.h"

namespace ckpt::tf {
namespace {

class BundleWriter final : public Writer {
 public:
  BundleWriter(const std::string& prefix, std::vector<VariableSpec> specs, Overwrite overwrite)
      : Writer(std::move(specs)),
        entries_(plan(this->specs())),
        prefix_(prefix),
        index_path_(prefix + ".index"),
        index_(index_path_, overwrite),
        old_count_(shards_of(index_path_)),
        count_(free_count(overwrite)),
        data_(shard_path(prefix, 0, count_), overwrite) {
    if (!entries_.empty()) {
      const BundleEntry& last = entries_.back();
      data_.reserve(static_cast<std::uint64_t>(last.offset + last.size));
    }
  }

 private:
  // Where each tensor will lie. Checks the names, since nothing may be created in vain.
  static std::vector<BundleEntry> plan(const std::vector<VariableSpec>& specs) {
    std::vector<BundleEntry> entries;
    std::int64_t offset = 0;
    for (const VariableSpec& spec : specs) {
      if (spec.name.empty() || spec.name[0] == '\0') {
        throw Error(Errc::kInvalid, cat("'", escape(spec.name),
                                        "' cannot be a name in a bundle: it "
                                        "is empty, or begins with byte 0, as keys of slices do"));
      }
      const auto size = static_cast<std::int64_t>(tensor_bytes(spec.dtype, spec.shape));
      entries.push_back({.type = type_number(spec.dtype),
                         .shape = spec.shape,
                         .offset = offset,
                         .size = size,
                         .crc = 0});
      const auto next = checked_add(offset, size);
      if (!next) throw Error(Errc::kInvalid, "the tensors have more bytes than a file can");
      offset = *next;
    }
    return entries;
  }

  // How many shards the bundle has that is there; 0 where there is none that can be read.
  static std::int64_t shards_of(const std::string& index_path) {
    try {
      return read_bundle_index(*open_file(index_path)).header.num_shards;
    } catch (const Error&) {
      return 0;
    }
  }

  // How many shards the new one has: so many that no name is in use. What an interrupted run has
  // left is overwritten where that is asked for, else it stays.
  [[nodiscard]] std::int64_t free_count(Overwrite overwrite) const {
    constexpr std::int64_t kMost = 100;
    if (overwrite == Overwrite::kYes) return old_count_ == 1 ? 2 : 1;
    for (std::int64_t count = 1; count < kMost; ++count) {
      if (stamp_of(shard_path(prefix_, 0, count)).inode == 0) return count;
    }
    throw Error(Errc::kConflict, cat("there are data shards without an index under ", kMost - 1,
                                     " names; give another name"));
  }

  void do_write(std::size_t i, std::uint64_t offset, ByteView bytes) override {
    data_.write_at(static_cast<std::uint64_t>(entries_[i].offset) + offset, bytes);
    entries_[i].crc = extend_crc32c(entries_[i].crc, bytes);  // masked when all is written
  }

  void do_commit() override {
    StringPool values;
    std::vector<TableRow> table;
    table.reserve(entries_.size() + 1);
    const BundleHeader header{.num_shards = static_cast<std::int32_t>(count_),
                              .versions = {.producer = 1}};
    table.push_back({"", values.add(encode_header(header))});
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      BundleEntry entry = entries_[i];
      entry.crc = mask_crc32c(entry.crc);
      table.push_back({specs()[i].name, values.add(encode_entry(entry))});
    }
    std::ranges::sort(table, {}, &TableRow::key);
    index_.write_at(0, as_byte_view(build_table(table)));
    data_.commit();
    try {
      for (std::int64_t shard = 1; shard < count_; ++shard) {
        AtomicFile(shard_path(prefix_, shard, count_), Overwrite::kYes).commit();
      }
      index_.commit();
    } catch (const Error&) {
      if (!index_.is_named()) remove_shards(count_);
      throw;
    }
    if (old_count_ != count_) remove_shards(old_count_);
  }

  void remove_shards(std::int64_t count) const {
    for (std::int64_t shard = 0; shard < count; ++shard) {
      std::remove(shard_path(prefix_, shard, count).c_str());
    }
  }

  std::vector<BundleEntry> entries_;
  std::string prefix_;
  std::string index_path_;
  AtomicFile index_;
  std::int64_t old_count_;
  std::int64_t count_;
  AtomicFile data_;
};

}  // namespace

std::unique_ptr<Writer> create_bundle(const std::string& prefix, std::vector<VariableSpec> specs,
                                      Overwrite overwrite) {
  return std::make_unique<BundleWriter>(prefix, std::move(specs), overwrite);
}

}  // namespace ckpt::tf
