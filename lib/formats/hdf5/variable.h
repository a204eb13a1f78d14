#pragma once

#include <cstdint>
#include <string>

#include "checkpoint/entry.h"
#include "formats/hdf5/notes.h"
#include "formats/hdf5/source.h"

namespace ckpt::hdf5 {

// Where an entry's tensor is: what reading needs to know beside the entry. 100,000 of these are
// held, so it is small.
struct Place {
  ObjectId object = 0;
  Storage::Kind kind = Storage::Kind::kUnallocated;
  std::uint8_t swap_unit = 0;  // bytes that are reversed together; 0 where none are
  bool has_unknown_filter = false;
  std::uint64_t offset = 0;  // of contiguous data, from the first byte of the file
};

struct Variable {
  Entry entry;  // the name is the path
  Place place;
};

// A dataset as a variable, checked against the file's length. `dtype_attribute` as in interpret().
// Oddities become notes. Throws Error(kCorrupt) where its data is not inside the file, is less than
// its shape needs, or its shape makes no sense; the message does not name the path.
Variable make_variable(const std::string& path, ObjectId id, const Dataset& dataset,
                       const std::string& dtype_attribute, std::uint64_t file_size, Notes& notes);

// The storage in words: "chunked [32, 32], shuffle, gzip 4".
std::string describe(const Storage& storage);

// "blosc (32001)": the filters that cannot be decoded.
std::string unknown_filters(const Storage& storage);

}  // namespace ckpt::hdf5
