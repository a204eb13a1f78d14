#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "formats/numpy/literal.h"

namespace ckpt::numpy {

// What this project makes of a NumPy type.
struct Element {
  DType dtype = DType::kOther;
  std::uint64_t bytes = 0;    // an element in the file
  std::string native_dtype;   // as Entry has it: empty for the plain little-endian form
  std::size_t swap_unit = 0;  // bytes reversed together where the file is big-endian; else 0
  bool order_unsaid = false;  // several bytes, and no word about their order
};

// Reads the "descr" of a header. Throws Error: kUnsupported for Python objects, anywhere in it:
// they are pickles; kCorrupt for what is no NumPy type.
Element parse_descr(const Literal& descr);

}  // namespace ckpt::numpy
