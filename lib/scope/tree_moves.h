#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/string_pool.h"

namespace ckpt {

// One object's path before and after, in a container that is a tree of scopes and leaves.
struct PathMove {
  std::string from;
  std::string to;  // empty: dropped

  friend bool operator==(const PathMove&, const PathMove&) = default;
};

// The same, of paths that someone else holds.
struct PathMoveView {
  std::string_view from;
  std::string_view to;
};

enum class StepKind : std::uint8_t {
  kMove,  // moves the leaf or whole scope `from` to `to`, where nothing is; scopes above `to`
          // are made where they are missing
  kDrop,  // takes the leaf or whole scope `from` away, with all that is in it
  kRemoveEmpty,  // takes the scope `from` away, in which nothing but empty scopes is left
};

// One operation on links, whatever the number of variables under `from`.
struct Step {
  StepKind kind = StepKind::kMove;
  std::string_view from;
  std::string_view to;  // of a move

  friend bool operator==(const Step&, const Step&) = default;
};

// The steps that bring every path of `moves` to its place, each valid when it is executed behind
// the one before it. A scope moves in one step where all variables under it move alike; where two
// scopes become one, the one with more in it moves whole and the other's parts move into it. Swaps,
// cycles and moves of a scope into itself pass through a temporary name at the root that no path
// has.
//
// `moves` holds every variable, those that stay with from == to; `others` the paths of what is
// there beside them: other objects, and scopes with nothing in them. Those travel with a scope that
// moves whole, and keep one that does not from being dropped or removed. REQUIRES: no two `from`
// and no two `to` are equal, and none of either is a scope of another of its side (a plan without
// problems is so, in a container where no variable is a scope).
//
// The steps' paths are views of `moves` and `others`, and temporary names are put into `strings`.
std::vector<Step> compile_moves(std::span<const PathMoveView> moves,
                                std::span<const std::string_view> others, char separator,
                                StringPool& strings);

}  // namespace ckpt
