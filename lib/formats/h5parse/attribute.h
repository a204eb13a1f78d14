#pragma once

#include <string>
#include <vector>

#include "formats/h5parse/context.h"
#include "formats/hdf5/source.h"

namespace ckpt::h5parse {

// An object's attributes, from its header and from dense storage, sorted by name. Each is
// understood when it is asked for.
class Attributes {
 public:
  // Finds the attributes of the object at `address`. Throws Error(kCorrupt) where two have one
  // name.
  Attributes(const Context& context, std::uint64_t address);

  [[nodiscard]] std::uint64_t object() const { return object_; }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  // REQUIRES: i < names().size().
  [[nodiscard]] hdf5::Attribute read(std::size_t i) const;

 private:
  const Context& context_;
  std::uint64_t object_;
  Arena arena_;  // what the bodies are views of
  std::vector<std::string> names_;
  std::vector<View> bodies_;
};

}  // namespace ckpt::h5parse
