#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scope/role.h"

namespace ckpt {

// Whose slot or average a variable is, and where in its name the owner's name stands:
//
//   dense/kernel/Adam_1                      [dense/kernel]
//   train/dense/kernel/Adam                  [dense/kernel], behind a scope of the optimizer
//   dense/kernel/ExponentialMovingAverage/biased   [dense/kernel], two steps away
//   optimizer/adam/m/dense/kernel            [dense/kernel], as Keras 2 keeps it
//   optimizer/adam/dense_kernel_momentum     [dense_kernel], as Keras 3 does, flattened
struct Owner {
  std::size_t leaf = 0;       // the owner's position among the leaves
  std::size_t at = 0;         // where its name begins in the companion's
  std::size_t length = 0;     // and how long it is there
  bool is_flattened = false;  // with '_' for each separator
  bool same_shape = false;    // as the owner's; a companion of another shape is counters and such

  friend bool operator==(const Owner&, const Owner&) = default;
};

// The owner of each leaf whose role is a slot or an average; empty for other leaves, for an
// optimizer's globals ("beta1_power"), and where two variables may be meant.
// REQUIRES: roles.size() == leaves.size().
std::vector<std::optional<Owner>> owners_of(std::span<const Leaf> leaves,
                                            std::span<const Role> roles, char separator);

// The companion's name once its owner is called `owner_name`.
std::string follow(std::string_view companion, const Owner& owner, std::string_view owner_name,
                   char separator);

}  // namespace ckpt
