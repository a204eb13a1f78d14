#include "formats/hdf5/reader.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/h5parse/superblock.h"
#include "formats/hdf5/attribute_text.h"
#include "formats/hdf5/chosen_source.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5/limits.h"
#include "formats/hdf5/other_attributes.h"
#include "formats/hdf5/scouts.h"
#include "formats/hdf5/variable.h"
#include "formats/hdf5/walk.h"
#include "formats/io/likely_rows.h"

namespace ckpt::hdf5 {
namespace {

// Tells what opaque datasets hold: by their attribute "dtype", or, as Keras 3 forgets it in legacy
// files, by the model's configuration.
class OpaqueTypes {
 public:
  OpaqueTypes(const Source& source, Notes& notes) : source_(source), notes_(notes) {}

  std::string dtype_of(ObjectId id, const Datatype& type) {
    if (type.klass != Datatype::Class::kOpaque) return "";
    const auto named = text_attribute(source_, id, "dtype");
    if (!named.empty()) return named.front();
    if (type.size != 2 || !type.tag.empty() || !config_says_bfloat16()) return "";
    ++guessed_;
    return "bfloat16";
  }

  void note_guesses() {
    if (guessed_ == 0) return;
    notes_.add("guesses of a datatype",
               cat(count_of(guessed_, "variable"),
                   " of opaque elements of 2 bytes: taken for bf16, since the model's "
                   "configuration names bfloat16"));
  }

 private:
  bool config_says_bfloat16() {
    if (!says_bfloat16_) {
      const auto config = text_attribute(source_, source_.root(), "model_config");
      says_bfloat16_ = !config.empty() && config.front().find("bfloat16") != std::string::npos;
    }
    return *says_bfloat16_;
  }

  const Source& source_;
  Notes& notes_;
  std::optional<bool> says_bfloat16_;
  std::uint64_t guessed_ = 0;
};

void swap_bytes(std::span<std::byte> bytes, std::size_t unit) {
  for (std::size_t at = 0; at < bytes.size(); at += unit) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + unit));
  }
}

// Not safe for several threads, but for contiguous data.
class Hdf5Reader final : public Reader {
 public:
  Hdf5Reader(std::unique_ptr<RandomFile> file, const OpenOptions& options)
      : file_(std::move(file)), source_(open_source(*file_, {.salvage = options.salvage})) {
    Notes notes;
    index_.format = "HDF5";
    index_.file_bytes = file_->size();
    if (!options.salvage) {
      const std::uint64_t end = h5parse::read_superblock(*file_).end;
      if (end < file_->size()) {
        notes.add("bytes behind the end", cat("has ", file_->size() - end,
                                              " bytes behind the end that its superblock tells"));
      }
    }
    const Walk found = list(notes, options.salvage);
    name(found, options, notes);
    set_roles();
    for (auto& sentence : source_->notes()) notes.add("oddities", std::move(sentence));
    index_.notes = notes.sentences();
    if (options.was_interrupted) index_.notes.emplace_back(kReadAsRecovered);
  }

  [[nodiscard]] const Index& index() const override { return index_; }

  [[nodiscard]] bool is_concurrent(std::size_t i) const override {
    return places_[i].kind == Storage::Kind::kContiguous && !places_[i].has_unknown_filter;
  }

  [[nodiscard]] Details details(std::size_t i) const override {
    const ObjectId id = places_[i].object;
    try {
      const Object object = source_->open(id);
      Details details;
      details.storage = describe(object.dataset.storage);
      details.stored_bytes = object.dataset.storage.bytes;
      for (const auto& attribute : source_->attribute_names(id)) {
        const auto value = source_->attribute(id, attribute);
        if (value) details.attributes.push_back({attribute, describe(*value)});
      }
      return details;
    } catch (const Error& e) {
      throw e.in(escape(index_.entries[i].name));
    }
  }

  // The text attributes of the root group, each a single string.
  [[nodiscard]] Metadata metadata() const override {
    Metadata metadata;
    const ObjectId root = source_->root();
    for (const auto& name : source_->attribute_names(root)) {
      auto text = text_attribute(*source_, root, name);
      if (text.size() == 1) metadata.emplace(name, std::move(text.front()));
    }
    return metadata;
  }

  [[nodiscard]] std::vector<std::string> other_metadata() const override {
    return other_attributes(*source_);
  }

 private:
  Walk list(Notes& notes, bool salvage) {
    OpaqueTypes opaque(*source_, notes);
    const std::size_t likely = likely_rows(file_->size(), 256);
    index_.entries.reserve(likely);
    places_.reserve(likely);
    const TakeDamage lose = [&](const std::string& path, const Error& e) {
      index_.lost.push_back({path, e.what()});
    };
    const auto take = [&](const std::string& path, ObjectId id, Dataset&& dataset) {
      try {
        Variable variable = make_variable(path, id, dataset, opaque.dtype_of(id, dataset.type),
                                          file_->size(), notes);
        index_.entries.push_back(std::move(variable.entry));
        places_.push_back(variable.place);
        return true;
      } catch (const Error& e) {
        if (!salvage) throw e.in(cat("/", escape(path)));
        lose(path, e);
        return false;
      }
    };
    const TakeDataset take_dataset = take;
    const TakeDamage take_damage = salvage ? lose : TakeDamage();
    Walker walker(*source_, take_dataset, notes, take_damage);
    Scouts scouts(*file_);
    do {
      while (auto report = salvage ? std::nullopt : scouts.look(walker)) {
        if (!walker.absorb(report->findings)) break;
        for (auto& [entry, place] : report->variables) {
          index_.entries.push_back(std::move(entry));
          places_.push_back(place);
        }
      }
    } while (walker.step());
    Walk found = walker.finish();
    opaque.note_guesses();
    for (const auto& alias : found.aliases) {
      index_.entries[alias.dataset].aliases.push_back(alias.path);
    }
    for (Entry& entry : index_.entries) std::ranges::sort(entry.aliases);
    return found;
  }

  void name(const Walk& found, const OpenOptions& options, Notes& notes) {
    std::vector<std::string_view> paths;
    paths.reserve(index_.entries.size());
    for (const Entry& entry : index_.entries) paths.push_back(place_of(entry));
    Layout layout = read_layout(*source_, found, paths, notes);
    index_.layout = std::move(layout.words);
    if (index_.layout == kKeras3Weights) index_.layers = keras3_layers(*source_, found);
    if (options.use_paths) return;
    for (auto& [i, name] : layout.names) {
      Entry& entry = index_.entries[i];
      entry.own_place = std::exchange(entry.name, std::move(name));
    }
  }

  void set_roles() {
    std::vector<Leaf> leaves;
    leaves.reserve(index_.entries.size());
    for (const Entry& entry : index_.entries) leaves.push_back({entry.name, &entry.shape});
    const std::vector<Role> roles = roles_of(leaves, index_.separator);
    for (std::size_t i = 0; i < roles.size(); ++i) {
      Entry& entry = index_.entries[i];
      entry.role = is_numeric(entry.dtype) ? roles[i] : Role::kOther;
    }
  }

  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    const Entry& entry = index_.entries[i];
    const Place& place = places_[i];
    try {
      check_storage(place);
      if (out.size() > kMaxSparseBytes) check_sparse(entry, place);
      const std::size_t size = size_of(entry.dtype);
      if (place.kind == Storage::Kind::kContiguous) {
        file_->read_at(place.offset + first * size, out);
      } else {
        source_->read(place.object, first, out.size() / size, out);
      }
      if (place.swap_unit > 1) swap_bytes(out, place.swap_unit);
    } catch (const Error& e) {
      throw e.in(escape(entry.name));
    }
  }

  void do_check_whole(std::size_t i) const override {
    try {
      check_storage(places_[i]);
      check_sparse(index_.entries[i], places_[i]);
    } catch (const Error& e) {
      throw e.in(escape(index_.entries[i].name));
    }
  }

  void check_storage(const Place& place) const {
    if (place.kind == Storage::Kind::kExternal) {
      throw Error(Errc::kUnsupported, "its data is in another file, which is never opened");
    }
    if (place.kind == Storage::Kind::kVirtual) {
      throw Error(Errc::kUnsupported,
                  "is a virtual dataset; its data is put together from others, perhaps in other "
                  "files, which are never opened");
    }
    if (place.has_unknown_filter) {
      throw Error(Errc::kUnsupported,
                  cat("its data is encoded with ",
                      unknown_filters(source_->open(place.object).dataset.storage),
                      ", which cannot be decoded here"));
    }
  }

  void check_sparse(const Entry& entry, const Place& place) const {
    if (entry.nbytes <= kMaxSparseBytes || place.kind == Storage::Kind::kContiguous) return;
    const std::uint64_t stored = source_->open(place.object).dataset.storage.bytes;
    if (entry.nbytes / kMaxSparseRatio <= stored) return;
    throw Error(Errc::kUnsupported,
                cat("declares ", with_commas(entry.nbytes), " bytes, but only ",
                    with_commas(stored), " are stored; it is not read whole, slices of it are"));
  }

  std::unique_ptr<RandomFile> file_;
  std::unique_ptr<Source> source_;
  Index index_;
  std::vector<Place> places_;  // of each entry
};

}  // namespace

std::unique_ptr<Reader> open_hdf5(std::unique_ptr<RandomFile> file, const OpenOptions& options) {
  return std::make_unique<Hdf5Reader>(std::move(file), options);
}

}  // namespace ckpt::hdf5
