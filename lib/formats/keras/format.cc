// The archive that Keras 3 saves a model as (keras/src/saving/saving_lib.py), a zip of
//
//   metadata.json      {"keras_version": "3.3.3", "date_saved": …}
//   config.json        the model as Model.to_json() has it
//   model.weights.h5   the variables, in the layout of a .weights.h5
//   assets/…           of layers that have files of their own
//
// Keras stores its members; the HDF5 file is then read where it lies.
#include "formats/keras/format.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/reader.h"
#include "formats/io/json.h"
#include "formats/io/section.h"
#include "formats/zip/archive.h"
#include "formats/zip/contents.h"

namespace ckpt::keras {
namespace {

constexpr std::string_view kWeights = "model.weights.h5";
constexpr std::uint64_t kMostInflated = std::uint64_t{1} << 30;  // kept in memory
constexpr std::uint64_t kMostText = std::uint64_t{64} << 20;

bool detect(const RandomFile& file) {
  if (!zip::looks_like_archive(file)) return false;
  const std::string first = zip::first_name(file);
  if (first.ends_with(".npy") || first.ends_with("/data.pkl")) return false;
  try {
    return std::ranges::any_of(zip::read_archive(file),
                               [](const zip::Member& member) { return member.name == kWeights; });
  } catch (const Error&) {
    return false;
  }
}

// The variables of the HDF5 file inside, as the archive's.
class ArchiveReader final : public Reader {
 public:
  ArchiveReader(std::unique_ptr<Reader> weights, Metadata metadata, std::uint64_t file_bytes)
      : weights_(std::move(weights)), metadata_(std::move(metadata)), index_(weights_->index()) {
    index_.format = "Keras archive";
    index_.file_bytes = file_bytes;
  }

  [[nodiscard]] const Index& index() const override { return index_; }
  [[nodiscard]] bool is_concurrent(std::size_t i) const override {
    return weights_->is_concurrent(i);
  }
  [[nodiscard]] Details details(std::size_t i) const override { return weights_->details(i); }
  [[nodiscard]] Metadata metadata() const override { return metadata_; }

 private:
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    weights_->read(i, first, out);
  }
  void do_check_whole(std::size_t i) const override { weights_->check_whole(i); }

  std::unique_ptr<Reader> weights_;
  Metadata metadata_;
  Index index_;
};

const zip::Member* find(const std::vector<zip::Member>& members, std::string_view name) {
  const auto it = std::ranges::find(members, name, &zip::Member::name);
  return it == members.end() ? nullptr : &*it;
}

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
  if (const zip::Member* config = find(contents.members(), "config.json")) {
    metadata["model_config"] = as_text(unpack(contents, *config, kMostText));
  }
  if (const zip::Member* about = find(contents.members(), "metadata.json")) {
    const Bytes bytes = unpack(contents, *about, kMostText);
    const auto json = parse_json(as_text(bytes), "metadata.json");
    const auto* version = json.is_object() ? find_member(json, "keras_version") : nullptr;
    if (version != nullptr && version->is_string()) {
      metadata["keras_version"] = version->get<std::string>();
    }
  }
  return metadata;
}

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string&,
                             const OpenOptions& options) {
  const std::uint64_t file_bytes = file->size();
  auto list = zip::read_archive(*file);
  zip::Contents contents(std::move(file), std::move(list));
  Metadata metadata = read_metadata(contents);
  const zip::Member* weights = find(contents.members(), kWeights);
  if (weights == nullptr) throw Error(Errc::kCorrupt, cat("has no member ", kWeights));
  std::unique_ptr<RandomFile> inner;
  if (weights->method == zip::Method::kStored) {
    inner = std::make_unique<Section>(contents.take_file(), weights->data_offset, weights->size);
  } else {
    inner = memory_file(unpack(contents, *weights, kMostInflated));
  }
  try {
    return std::make_unique<ArchiveReader>(hdf5::open_hdf5(std::move(inner), options),
                                           std::move(metadata), file_bytes);
  } catch (const Error& e) {
    throw e.in(kWeights);
  }
}

}  // namespace

const Format kFormat{.name = "Keras archive",
                     .id = "keras",
                     .separator = '/',
                     .suffixes = ".keras",
                     .detect = detect,
                     .open = open};

}  // namespace ckpt::keras
