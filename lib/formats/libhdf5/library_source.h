#pragma once

#include "core/file.h"
#include "formats/hdf5/source.h"
#include "formats/libhdf5/overlay_driver.h"

namespace ckpt::hdf5 {

// libhdf5 behind the seam. It sees the file through an overlay of its own, read-only.
class LibrarySource final : public Source {
 public:
  // `file` must outlive the source.
  explicit LibrarySource(const RandomFile& file);
  ~LibrarySource() override;

  [[nodiscard]] ObjectId root() const override { return root_; }
  [[nodiscard]] Object open(ObjectId id) const override;
  [[nodiscard]] std::vector<std::string> attribute_names(ObjectId id) const override;
  [[nodiscard]] std::optional<Attribute> attribute(ObjectId id,
                                                   const std::string& name) const override;
  void read(ObjectId id, std::uint64_t first, std::uint64_t count,
            std::span<std::byte> out) const override;

 private:
  [[nodiscard]] Handle open_object(ObjectId id) const;
  [[nodiscard]] Dataset dataset_of(hid_t id) const;

  Overlay overlay_;
  Handle file_;
  ObjectId root_ = 0;
  // The dataset that was read last stays open, so that its chunk cache serves the next piece.
  mutable ObjectId reading_ = 0;
  mutable Handle reading_dataset_;
  // Most datasets of a file have the type of the one before.
  mutable Handle last_type_;
  mutable Datatype last_datatype_;
};

// A datatype of libhdf5 as plain data. REQUIRES: a Session is held.
Datatype datatype_of(hid_t type);

// How libhdf5's dataset is stored. REQUIRES: a Session is held.
Storage storage_of(hid_t dataset);

}  // namespace ckpt::hdf5
