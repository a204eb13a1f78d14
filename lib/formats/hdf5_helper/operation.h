#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "storage/patch.h"

namespace ckpt::hdf5 {

// One change of an HDF5 file's structure, as the helper is told it. Each is valid behind the one
// before it; paths have no leading "/" and lead through hard links only. They are views, of what
// the edit's maker holds or of the helper's request.
struct Operation {
  enum class Kind : std::uint8_t {
    kMakeGroup,       // at `path`, with the properties of the group it lies in, which exists
    kMove,            // the link at `path` to `to`, where nothing is
    kRemove,          // the link at `path`
    kLink,            // the soft link at `path` leads to `to` from now on
    kTexts,           // the attribute `to` of the object at `path` has these texts now; see `parts`
    kCreate,          // a dataset at `path` whose room is allocated and not filled
    kCopyAttributes,  // all attributes of the object at `path` to the one at `to`, which has none
  };
  Kind kind = Kind::kMove;
  std::string_view path;
  std::string_view to;
  // Of kTexts. One part is the attribute `to`; several are `to`0, `to`1, …, as Keras divides lists
  // that are too long for one. Whatever was there of either kind goes away; the kind of text
  // (length, padding, character set) stays.
  std::vector<std::vector<std::string>> parts;
  bool is_divided = false;
  DType dtype = DType::kF32;  // of kCreate
  Shape shape;

  friend bool operator==(const Operation&, const Operation&) = default;
};

// What the operations come to.
struct Outcome {
  Patch patch;
  // The room of each kCreate, in their order, to be filled when the pieces are in place: a piece
  // may have zeros there.
  std::vector<ByteRange> created;
};

}  // namespace ckpt::hdf5
