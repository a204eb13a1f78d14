// The archive that Keras 3 saves a model as (keras/src/saving/saving_lib.py), a zip of
//
//   metadata.json      {"keras_version": "3.3.3", "date_saved": …}
//   config.json        the model as Model.to_json() has it
//   model.weights.h5   the variables, in the layout of a .weights.h5
//   assets/…           of layers that have files of their own
//
// Keras stores its members; the HDF5 file is then read where it lies.
#include "formats/keras/archive.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/reader.h"
#include "formats/io/json.h"
#include "formats/io/section.h"
#include "formats/zip/crc32.h"

namespace ckpt::keras {
namespace {

constexpr std::uint64_t kMostInflated = std::uint64_t{1} << 30;  // kept in memory
constexpr std::uint64_t kMostText = std::uint64_t{64} << 20;

// The variables of the HDF5 file inside, as the archive's.
class ArchiveReader final : public Reader {
 public:
  // `stored` are the bytes of the member with that CRC as `weights` reads them, or null where they
  // were unpacked, which has checked them.
  ArchiveReader(std::unique_ptr<Reader> weights, std::uint32_t crc, const RandomFile* stored,
                Metadata metadata, std::uint64_t file_bytes)
      : weights_(std::move(weights)),
        crc_(crc),
        stored_(stored),
        metadata_(std::move(metadata)),
        index_(weights_->index()) {
    index_.format = "Keras archive";
    index_.file_bytes = file_bytes;
  }

  [[nodiscard]] const Index& index() const override { return index_; }
  [[nodiscard]] bool is_concurrent(std::size_t i) const override {
    return weights_->is_concurrent(i);
  }
  [[nodiscard]] Details details(std::size_t i) const override { return weights_->details(i); }
  [[nodiscard]] Metadata metadata() const override { return metadata_; }
  [[nodiscard]] std::vector<std::string> other_metadata() const override {
    return weights_->other_metadata();
  }
  [[nodiscard]] std::vector<Loss> check_container() const override {
    if (stored_ == nullptr) return {};
    try {
      zip::check_crc32(zip::crc32_of(*stored_, 0, stored_->size()), crc_);
      return {};
    } catch (const Error& e) {
      if (e.code() == Errc::kIo) throw;
      return {{std::string(kWeights), cat(e.what(), "; which variable it hit cannot be told")}};
    }
  }

 private:
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    weights_->read(i, first, out);
  }
  void do_check_whole(std::size_t i) const override { weights_->check_whole(i); }

  std::unique_ptr<Reader> weights_;
  std::uint32_t crc_;
  const RandomFile* stored_;  // which weights_ holds
  Metadata metadata_;
  Index index_;
};

Bytes unpack(const zip::Contents& contents, const zip::Member& member, std::uint64_t most) {
  if (member.size > most) {
    throw Error(Errc::kUnsupported,
                cat(escape(member.name), " is ", with_commas(member.size),
                    " bytes unpacked, and at most ", with_commas(most),
                    " are unpacked to memory; an archive as Keras writes it has it stored"));
  }
  Bytes bytes(static_cast<std::size_t>(member.size));
  contents.read(static_cast<std::size_t>(&member - contents.members().data()), 0, bytes);
  return bytes;
}

// As a whole-model .h5 file has them: the config, and which Keras wrote it.
Metadata read_metadata(const zip::Contents& contents) {
  Metadata metadata;
  if (const zip::Member* config = find(contents.members(), kConfig)) {
    metadata["model_config"] = unpack_text(contents, *config);
  }
  if (const zip::Member* about = find(contents.members(), kAbout)) {
    const auto json = parse_json(unpack_text(contents, *about), kAbout);
    const auto* version = json.is_object() ? find_member(json, "keras_version") : nullptr;
    if (version != nullptr && version->is_string()) {
      metadata["keras_version"] = version->get<std::string>();
    }
  }
  return metadata;
}

}  // namespace

const zip::Member* find(const std::vector<zip::Member>& members, std::string_view name) {
  const auto it = std::ranges::find(members, name, &zip::Member::name);
  return it == members.end() ? nullptr : &*it;
}

const zip::Member& weights_of(const std::vector<zip::Member>& members) {
  const zip::Member* weights = find(members, kWeights);
  if (weights == nullptr) throw Error(Errc::kCorrupt, cat("has no member ", kWeights));
  return *weights;
}

Bytes unpack_weights(const zip::Contents& contents) {
  return unpack(contents, weights_of(contents.members()), kMostInflated);
}

std::string unpack_text(const zip::Contents& contents, const zip::Member& member) {
  const Bytes bytes = unpack(contents, member, kMostText);
  return std::string(as_text(bytes));
}

std::unique_ptr<Reader> open_archive(std::unique_ptr<RandomFile> file, const OpenOptions& options) {
  const std::uint64_t file_bytes = file->size();
  auto archive = zip::read_archive(*file);
  zip::Contents contents(std::move(file), std::move(archive));
  Metadata metadata = read_metadata(contents);
  const zip::Member& weights = weights_of(contents.members());
  std::unique_ptr<RandomFile> inner;
  const RandomFile* stored = nullptr;
  if (weights.method == zip::Method::kStored) {
    inner = std::make_unique<Section>(contents.take_file(), weights.data_offset, weights.size);
    stored = inner.get();
  } else {
    inner = memory_file(unpack_weights(contents));
  }
  try {
    return std::make_unique<ArchiveReader>(hdf5::open_hdf5(std::move(inner), options), weights.crc,
                                           stored, std::move(metadata), file_bytes);
  } catch (const Error& e) {
    throw e.in(kWeights);
  }
}

}  // namespace ckpt::keras
