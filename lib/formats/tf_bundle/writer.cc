#include "formats/tf_bundle/writer.h"

#include <cstdio>
#include <map>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/edit/locked_file.h"
#include "formats/tf_bundle/crc32c.h"
#include "formats/tf_bundle/dtype.h"
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
        index_path_(prefix + ".index"),
        data_path_(shard_path(prefix, 0, 1)),
        overwrite_(overwrite),
        index_(index_path_, overwrite),
        data_(data_path_, overwrite) {
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

  void do_write(std::size_t i, std::uint64_t offset, ByteView bytes) override {
    data_.write_at(static_cast<std::uint64_t>(entries_[i].offset) + offset, bytes);
    entries_[i].crc = extend_crc32c(entries_[i].crc, bytes);  // masked when all is written
  }

  void do_commit() override {
    std::map<std::string, std::string> table;
    table.emplace("", encode_header({.num_shards = 1, .versions = {.producer = 1}}));
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      BundleEntry entry = entries_[i];
      entry.crc = mask_crc32c(entry.crc);
      table.emplace(specs()[i].name, encode_entry(entry));
    }
    index_.write_at(0, as_byte_view(build_table(table)));
    data_.commit();
    try {
      index_.commit();
    } catch (const Error&) {
      // A shard that replaced nothing would be left behind alone. The index may have its name all
      // the same: flushing the folder comes after that.
      if (overwrite_ == Overwrite::kNo && stamp_of(index_path_).inode == 0) {
        std::remove(data_path_.c_str());
      }
      throw;
    }
  }

  std::vector<BundleEntry> entries_;
  std::string index_path_;
  std::string data_path_;
  Overwrite overwrite_;
  AtomicFile index_;
  AtomicFile data_;
};

}  // namespace

std::unique_ptr<Writer> create_bundle(const std::string& prefix, std::vector<VariableSpec> specs,
                                      Overwrite overwrite) {
  return std::make_unique<BundleWriter>(prefix, std::move(specs), overwrite);
}

}  // namespace ckpt::tf
