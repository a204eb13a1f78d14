#pragma once

#include <array>
#include <functional>

#include "formats/h5parse/fractal_heap.h"
#include "formats/h5parse/messages.h"

namespace ckpt::h5parse {

// Dense storage (sections IV.A.2.c and v): objects in a fractal heap, indexed by a B-tree over
// their names' hashes and perhaps another over their order of creation.
struct DenseKind {
  std::uint32_t by_name;  // types of the two B-trees
  std::uint32_t by_order;
};

struct DenseRecord {
  std::array<std::byte, 8> id{};
  std::size_t id_size = 0;  // of the ID in the heap
  std::uint32_t hash = 0;   // of the name
  std::uint32_t flags = 0;  // of an attribute's message
};

// Gives `take` each object, valid during the call. Throws Error(kCorrupt) where the heap and the
// two indexes do not agree on how many there are, or where objects overlap.
using TakeDense = std::function<void(View, const DenseRecord&)>;
void for_each_dense(const Context& context, const DenseIndex& index, const DenseKind& kind,
                    std::uint64_t owner, const TakeDense& take);

// Throws Error(kCorrupt) unless the record has the name's hash.
void check_hash(const DenseRecord& record, std::string_view name, const View& body);

}  // namespace ckpt::h5parse
