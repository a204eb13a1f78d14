#pragma once

#include <functional>

#include "formats/h5parse/messages.h"

namespace ckpt::h5parse {

constexpr std::uint32_t kLinksByName = 5;  // types of version 2 B-trees; those by order come next
constexpr std::uint32_t kAttributesByName = 8;

// Understands an object of dense storage, which is valid during the call, and tells its name. An
// attribute may be shared: its bytes then say where it is. `left` counts it and those that follow.
using TakeDense = std::function<std::string_view(View body, bool is_shared, std::size_t left)>;

// Gives `take` each link or attribute of dense storage (sections IV.A.2.c and v): objects in a
// fractal heap, indexed by a B-tree over their names' hashes, of the type `by_name`, and perhaps
// another over their order of creation. Throws Error(kCorrupt) where the heap and the two indexes
// do not agree on how many there are, where objects overlap, or where a name has another hash.
void for_each_dense(const Context& context, const DenseIndex& index, std::uint32_t by_name,
                    std::uint64_t owner, const TakeDense& take);

}  // namespace ckpt::h5parse
