#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/h5parse/attribute.h"
#include "formats/h5parse/context.h"
#include "formats/h5parse/elements.h"
#include "formats/hdf5/source.h"

namespace ckpt::h5parse {

// What a source remembers having looked at: used_bytes() needs all, looked_at() one object.
enum class Survey : std::uint8_t { kNothing, kObject, kAll };

// This parser behind the seam of formats/hdf5/source.h: an HDF5 file's objects, one by one. Not for
// several threads at once.
class ParsedSource final : public hdf5::Source {
 public:
  // Reads the superblock. `file` must outlive the source. Throws Error: kCorrupt, kUnsupported, kIo
  // where a program has the file open for writing.
  explicit ParsedSource(const RandomFile& file, Mode mode = Mode::kStrict,
                        Survey survey = Survey::kNothing);

  [[nodiscard]] hdf5::ObjectId root() const override { return context_.superblock.root; }
  // In salvage mode the links that are whole, and a note for what is not.
  [[nodiscard]] hdf5::Object open(hdf5::ObjectId id) const override;
  [[nodiscard]] std::vector<std::string> attribute_names(hdf5::ObjectId id) const override;
  [[nodiscard]] std::optional<hdf5::Attribute> attribute(hdf5::ObjectId id,
                                                         const std::string& name) const override;
  void read(hdf5::ObjectId id, std::uint64_t first, std::uint64_t count,
            std::span<std::byte> out) const override;

  [[nodiscard]] std::span<const ByteRange> looked_at() const override {
    return context_.file.surveyed();
  }

  [[nodiscard]] std::span<const hdf5::Claim> claims() const override {
    return context_.claims.latest();
  }
  void claim(const hdf5::Claim& claim) const override { context_.claims.add(claim); }

  // Oddities that were met so far.
  [[nodiscard]] std::vector<std::string> notes() const override { return context_.notes; }

  // In a survey: how many bytes of the file belong to what was looked at so far.
  [[nodiscard]] std::uint64_t used_bytes() const { return context_.file.surveyed_bytes(); }

 private:
  // What was asked for last is likely to be asked for again.
  template <typename T>
  [[nodiscard]] T& of_object(std::optional<T>& last, hdf5::ObjectId id) const {
    if (last && last->object() == id) return *last;
    last.reset();
    return last.emplace(context_, id);
  }

  Context context_;
  Survey survey_;
  mutable std::optional<Attributes> attributes_;
  mutable std::optional<Elements> elements_;
};

}  // namespace ckpt::h5parse
