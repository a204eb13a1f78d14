#include "formats/tf_bundle/writer.h"

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/string_pool.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/tf_bundle/crc32c.h"
#include "formats/tf_bundle/dtype.h"
#include "formats/tf_bundle/paths.h"
#include "formats/tf_bundle/protos.h"
#include "formats/tf_bundle/shard_names.h"
#include "formats/tf_bundle/table_builder.h"

namespace ckpt::tf {
namespace {

class BundleWriter final : public Writer {
 public:
  BundleWriter(const std::string& prefix, std::vector<VariableSpec> specs, Overwrite overwrite)
      : Writer(std::move(specs)),
        entries_(plan(this->specs())),
        change_(prefix + ".index", overwrite, kUsualWait),
        count_(prepare(prefix)),
        data_(change_.put(base_name(shard_path(prefix, 0, count_)))) {
    for (std::int64_t shard = 1; shard < count_; ++shard) {
      change_.put(base_name(shard_path(prefix, shard, count_)));
    }
    if (!entries_.empty()) {
      const BundleEntry& last = entries_.back();
      data_.reserve(static_cast<std::uint64_t>(last.offset + last.size));
    }
  }

 private:
  // Cleans up what is there, and gives the count of shards.
  std::int64_t prepare(const std::string& prefix) {
    const LockedFile* old = change_.old_decider();
    const auto index = old == nullptr ? nullptr : old->view();
    clean_up(index.get(), change_.path());
    remove_old_shards(change_);
    return free_count(prefix, 1);
  }

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
    change_.decider().write_at(0, as_byte_view(build_table(table)));
    change_.commit();
  }

  std::vector<BundleEntry> entries_;
  Change change_;
  std::int64_t count_;
  NewFile& data_;
};

}  // namespace

std::unique_ptr<Writer> create_bundle(const std::string& prefix, std::vector<VariableSpec> specs,
                                      Overwrite overwrite) {
  return std::make_unique<BundleWriter>(prefix, std::move(specs), overwrite);
}

}  // namespace ckpt::tf
