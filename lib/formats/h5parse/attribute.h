#pragma once

#include <optional>
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
  [[nodiscard]] std::vector<std::string> names() const;

  // Throws Error where there is one of that name which is damaged.
  [[nodiscard]] std::optional<hdf5::Attribute> read(const std::string& name) const;

 private:
  struct Named {
    std::string name;
    std::uint64_t address;
    Bytes body;
  };

  const Context& context_;
  std::uint64_t object_;
  std::vector<Named> sorted_;
};

}  // namespace ckpt::h5parse
