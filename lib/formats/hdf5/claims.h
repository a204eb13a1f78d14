#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "formats/hdf5/id_map.h"

namespace ckpt::hdf5 {

// That a structure of the file belongs to one object alone.
struct Claim {
  std::string_view what;  // "fractal heap"
  std::uint64_t address = 0;
  ObjectId object = 0;
};

// All claims that were made, so that a small file cannot be read a million times over.
class Claims {
 public:
  // Throws Error(kCorrupt) where the structure has no address or is claimed for another object.
  void add(const Claim& claim) {
    const auto& [what, address, object] = claim;
    if (address == UINT64_MAX) throw Error(Errc::kCorrupt, cat(what, ": has no address"));
    const auto [owner, is_new] = owners_.try_emplace(address);
    if (is_new) *owner = object;
    if (*owner != object) {
      throw Error(Errc::kCorrupt, cat(what, " at ", address, ": belongs to the objects at ", *owner,
                                      " and ", object));
    }
    latest_.push_back(claim);
  }

  // Those since the last begin().
  [[nodiscard]] std::span<const Claim> latest() const { return latest_; }
  void begin() { latest_.clear(); }

 private:
  IdMap<ObjectId> owners_;
  std::vector<Claim> latest_;
};

}  // namespace ckpt::hdf5
