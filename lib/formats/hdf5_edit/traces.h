#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "formats/hdf5/id_map.h"
#include "formats/hdf5/source.h"
#include "storage/patch.h"

namespace ckpt::hdf5 {

// Where in the file everything lies that opening an object looks at: its header, the header's
// continuations, a group's B-tree and heap, shared messages. Where an edit changes none of that,
// the object is what it was, and need not be read again. For 100,000 objects that is 3 megabytes.
class Traces {
 public:
  void add(ObjectId id, Object::Kind kind, std::span<const ByteRange> looked_at);

  // What the object was, where nothing of it is in a piece of the patch; empty where one is, or
  // where nothing is known of it.
  [[nodiscard]] std::optional<Object::Kind> kind_if_untouched(ObjectId id,
                                                              const Patch& patch) const;

 private:
  // Blocks of a few bytes.
  struct Run {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  struct Trace {
    std::uint32_t first = 0;  // block; of several runs the position in runs_
    std::uint16_t count = 0;  // of the blocks or of the runs; 0: nothing is known of it
    bool is_scattered = false;
    Object::Kind kind = Object::Kind::kGroup;
  };

  IdMap<Trace> traces_;
  std::vector<Run> runs_;  // of the objects that are scattered
};

}  // namespace ckpt::hdf5
