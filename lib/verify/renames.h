#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "checkpoint/reader.h"

namespace ckpt {

// A tensor of one checkpoint that another has under another name.
struct Rename {
  std::size_t a = 0;  // positions in the indexes
  std::size_t b = 0;
  std::string how;  // empty: bit for bit; else the operations of a rule: "permute(1,0) | cast(f16)"
};

// Pairs variables of `a` and `b`, each at most once, by what they hold: equal bytes first, then
// what a permutation of axes, a cast, or both make equal. A digest proposes, bytes decide; among
// equals the likest name is taken. Tensors of more than 64 MiB are not looked at through
// operations.
std::vector<Rename> find_renames(const Reader& a, const std::vector<std::size_t>& of_a,
                                 const Reader& b, const std::vector<std::size_t>& of_b);

}  // namespace ckpt
