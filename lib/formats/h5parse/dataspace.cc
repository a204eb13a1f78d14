#include "formats/h5parse/dataspace.h"

#include <algorithm>

#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {

std::uint64_t product(std::uint64_t times, const std::vector<std::uint64_t>& extents) {
  if (std::ranges::find(extents, 0U) != extents.end()) return 0;
  for (const std::uint64_t extent : extents) {
    if (extent > INT64_MAX / times) return kUndefined;
    times *= extent;
  }
  return times;
}

// Section IV.A.2.b.
//
//     version 1: version, rank, flags, 0 (5), extents, with flag 0 maximum extents (lengths)
//     version 2: version, rank, flags, type (0 scalar, 1 simple, 2 null), the same
Dataspace read_dataspace(View body) {
  Dataspace space;
  const std::uint32_t version = body.version(1, 2);
  const auto [rank, flags] = body.fields<1, 1>();
  body.within("the number of its dimensions", rank, 0, kMaxRank);
  if (version == 1) {
    body.skip(5);
  } else {
    const std::uint32_t type = body.u8();
    body.within("its type", type, 0, 2);
    body.require((type == 1) == (rank > 0), "is of type ", type, " with ", rank, " dimensions");
    space.is_null = type == 2;
  }
  if ((flags & 2U) != 0) body.unsupported("has permuted dimensions");
  space.extents.reserve(rank);
  for (std::uint64_t i = 0; i < rank; ++i) {
    space.extents.push_back(body.length());
    body.require(space.extents.back() != kUndefined, "has an unlimited current extent");
  }
  for (std::uint64_t i = 0; (flags & 1U) != 0 && i < rank; ++i) {
    const std::uint64_t extent = space.extents[i];
    const std::uint64_t most = body.length();
    body.require(most >= extent, "has an extent of ", extent, " where ", most, " is the most");
    if (most == extent) continue;
    if (space.most.empty()) space.most = space.extents;
    space.most[i] = most;
  }
  return space;
}

}  // namespace ckpt::h5parse
