#include "formats/hdf5/chosen_source.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "formats/h5parse/parsed_source.h"
#include "formats/hdf5_helper/helper.h"

namespace ckpt::hdf5 {
namespace {

// Section IV.A.2.l of the specification: the filters of HDF5 itself that the parser leaves to
// libhdf5.
constexpr unsigned kSzip = 4;
constexpr unsigned kNbit = 5;
constexpr unsigned kScaleOffset = 6;

bool is_for_library(const Filter& filter) {
  return filter.id == kSzip || filter.id == kNbit || filter.id == kScaleOffset;
}

class ChosenSource final : public Source {
 public:
  ChosenSource(const RandomFile& file, SourceOptions options)
      : file_(file),
        parser_(file, options.salvage ? h5parse::Mode::kSalvage : h5parse::Mode::kStrict,
                options.traced ? h5parse::Survey::kObject : h5parse::Survey::kNothing) {}

  [[nodiscard]] ObjectId root() const override { return parser_.root(); }

  [[nodiscard]] Object open(ObjectId id) const override {
    Object object = parser_.open(id);
    for (Filter& filter : object.dataset.storage.filters) {
      filter.is_known = filter.is_known || is_for_library(filter);
    }
    return object;
  }

  [[nodiscard]] std::vector<std::string> attribute_names(ObjectId id) const override {
    return parser_.attribute_names(id);
  }

  [[nodiscard]] std::optional<Attribute> attribute(ObjectId id,
                                                   const std::string& name) const override {
    return parser_.attribute(id, name);
  }

  void read(ObjectId id, std::uint64_t first, std::uint64_t count,
            std::span<std::byte> out) const override {
    if (!needs_library(id)) return parser_.read(id, first, count, out);
    const auto fd = file_.descriptor();
    if (!fd) {
      throw Error(Errc::kUnsupported,
                  "is encoded with szip, n-bit or scale-offset, which is not decoded inside of "
                  "another file; take the HDF5 file out of it");
    }
    read_by_helper(*fd, id, first, count, out);
  }

  [[nodiscard]] std::span<const Claim> claims() const override { return parser_.claims(); }
  void claim(const Claim& claim) const override { parser_.claim(claim); }

  [[nodiscard]] std::span<const ByteRange> looked_at() const override {
    return parser_.looked_at();
  }

  [[nodiscard]] std::vector<std::string> notes() const override { return parser_.notes(); }

 private:
  [[nodiscard]] bool needs_library(ObjectId id) const {
    if (id != asked_) {
      reads_library_ =
          std::ranges::any_of(parser_.open(id).dataset.storage.filters, is_for_library);
      asked_ = id;
    }
    return reads_library_;
  }

  const RandomFile& file_;
  h5parse::ParsedSource parser_;
  mutable std::optional<ObjectId> asked_;  // what was read last, and who reads it
  mutable bool reads_library_ = false;
};

}  // namespace

std::unique_ptr<Source> open_source(const RandomFile& file, SourceOptions options) {
  return std::make_unique<ChosenSource>(file, options);
}

}  // namespace ckpt::hdf5
