#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/rare_list.h"
#include "core/rare_text.h"
#include "core/shape.h"
#include "scope/role.h"

namespace ckpt {

// A variable's row in a checkpoint's index. Valid once a Reader holds it: for a numeric dtype,
// nbytes is shape × dtype and all of its bytes lie inside the file.
struct Entry {
  std::string name;    // as rules and people see it, with the format's separator
  RareText own_place;  // place_of(), where it is not the name itself
  DType dtype = DType::kF32;
  Role role = Role::kVariable;
  Shape shape;
  std::uint64_t nbytes = 0;  // of the tensor; 0 for strings and others
  // How the file has the elements, where `dtype` does not say all of it: ">f4", "string[16]",
  // "compound of 3". Empty for the plain little-endian form of `dtype`.
  RareText native_dtype;
  RareList<std::string> aliases;  // other names of the same stored tensor, sorted

  friend bool operator==(const Entry&, const Entry&) = default;
};

// Where the tensor lies: an HDF5 path without its first "/", a shard and an offset.
inline std::string_view place_of(const Entry& entry) {
  return entry.own_place.empty() ? std::string_view(entry.name) : entry.own_place.view();
}

// The elements of the shape; 0 where the dtype is not numeric.
std::uint64_t parameters_of(const Entry& entry);

// What is known of a variable beside its row, read when it is asked for.
struct Details {
  std::string storage;             // "contiguous at 4096", "chunked [32, 32], gzip 4", "compact"
  std::uint64_t stored_bytes = 0;  // bytes in the file, after compression
  struct Attribute {
    std::string name;
    std::string value;  // as text; long ones are cut, and say so
  };
  std::vector<Attribute> attributes;
};

}  // namespace ckpt
