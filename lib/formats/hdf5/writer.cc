#include "formats/hdf5/writer.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5/stored_names.h"
#include "formats/hdf5_helper/helper.h"

namespace ckpt::hdf5 {
namespace {

// All metadata is written when the writer is made; the tensors' bytes go straight to their places.
class Hdf5Writer final : public Writer {
 public:
  Hdf5Writer(const std::string& path, std::vector<VariableSpec> specs, const CreateOptions& options)
      : Writer(std::move(specs)), path_(path), file_(path, options.overwrite) {
    check_ranks();
    std::vector<std::string_view> names;
    for (const VariableSpec& spec : this->specs()) names.push_back(spec.name);
    const Outcome outcome =
        lay_out_by_helper({this->specs(), stored_names(names), options.metadata});
    if (outcome.created.size() != this->specs().size()) {
      throw Error(Errc::kWrite, "libhdf5 has not made room for every variable");
    }
    room_ = outcome.created;
    file_.reserve(outcome.patch.size_after);
    file_.resize(outcome.patch.size_after);
    for (const auto& piece : outcome.patch.pieces) file_.write_at(piece.offset, piece.bytes);
  }

 private:
  void check_ranks() const {
    constexpr std::size_t kMaxRank = 32;  // H5S_MAX_RANK
    for (const VariableSpec& spec : specs()) {
      if (spec.shape.size() > kMaxRank) {
        throw Error(Errc::kInvalid, cat(escape(spec.name), ": has ", spec.shape.size(),
                                        " dimensions; HDF5 holds at most ", kMaxRank));
      }
    }
  }

  void do_write(std::size_t i, std::uint64_t offset, ByteView bytes) override {
    try {
      file_.write_at(room_[i].offset + offset, bytes);
    } catch (const Error& e) {
      throw e.in(escape(path_));
    }
  }

  void do_commit() override {
    try {
      verify();
      file_.commit();
    } catch (const Error& e) {
      throw e.in(escape(path_));
    }
  }

  // Does the new file, read back, have the variables that were asked for, and no others?
  void verify() const {
    const auto reader = open_hdf5(view_file(file_.fd()), OpenOptions{});
    std::unordered_map<std::string_view, const Entry*> entries;
    for (const Entry& entry : reader->index().entries) entries.emplace(entry.name, &entry);
    if (entries.size() != specs().size()) {
      throw Error(Errc::kWrite, cat("reads back with ", count_of(entries.size(), "variable"),
                                    " instead of ", with_commas(specs().size())));
    }
    for (const VariableSpec& spec : specs()) {
      const auto it = entries.find(spec.name);
      if (it == entries.end() || it->second->dtype != spec.dtype ||
          it->second->shape != spec.shape || !it->second->native_dtype.empty()) {
        throw Error(Errc::kWrite, cat(escape(spec.name), ": does not read back as ",
                                      name_of(spec.dtype), " ", to_string(spec.shape)));
      }
    }
  }

  std::string path_;
  NewFile file_;
  std::vector<ByteRange> room_;  // of each variable's bytes
};

}  // namespace

std::unique_ptr<Writer> create_hdf5(const std::string& path, std::vector<VariableSpec> specs,
                                    const CreateOptions& options) {
  return std::make_unique<Hdf5Writer>(path, std::move(specs), options);
}

}  // namespace ckpt::hdf5
