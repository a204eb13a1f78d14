#pragma once

#include <string>
#include <vector>

#include "formats/h5parse/messages.h"

namespace ckpt::h5parse {

// An object's attributes, from its header and from dense storage, sorted by name. Each piece is
// read when it is asked for.
class Attributes {
 public:
  // Finds the attributes. Throws Error(kCorrupt) where two have one name.
  Attributes(const Context& context, Messages& object);

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  // REQUIRES: i < names().size().
  [[nodiscard]] hdf5::Attribute read(std::size_t i);

 private:
  void add(View body);

  const Context& context_;
  ObjectHeader& header_;  // owns bytes that are views here
  std::vector<std::string> names_;
  std::vector<View> bodies_;
};

// False where the object has none for sure.
bool may_have_attributes(const Messages& object);

// The texts of `count` elements of a string type, without padding.
std::vector<std::string> read_strings(const Context& context, View elements, std::size_t count,
                                      const hdf5::Datatype& type);

}  // namespace ckpt::h5parse
