#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "dups/catalogue.h"
#include "dups/verdict.h"

namespace ckpt {

// Copies that names and shapes propose; nothing is read for it.

// Siblings, two or more, of one base name and of the same variables below, in the order of their
// numbers: "dense", "dense_2", "dense_4" where "dense_1" and "dense_3" have other shapes. Where
// only part of "x_1" repeats part of "x", the scopes inside of which that is true are the group.
struct TwinGroup {
  std::size_t parent = 0;
  Naming naming = Naming::kNumbered;
  std::vector<std::size_t> nodes;
};
std::vector<TwinGroup> twin_groups(const Catalogue& catalogue);

// Scopes of the same variables under unrelated names, of which the optimizer knows only one: its
// first node is that. Only the topmost of those inside each other.
std::vector<TwinGroup> unrelated_groups(const Catalogue& catalogue);

// How the names of two nodes are related.
Naming naming_of(const Catalogue& catalogue, std::size_t a, std::size_t b);

// Is it a word, or has it one, that tells one of two copies by design: "target", "teacher"?
bool is_role_word(std::string_view segment);

// Is it what a library calls a layer or variable that got no name: "dense", "Variable"?
bool is_default_name(std::string_view base);

// Can copies of this scope not be stacked? That is so where the sizes that come in and those that
// go out do not cancel: a layer of 784 × 128 cannot follow its like.
bool is_parallel(const Catalogue& catalogue, std::size_t node);

// The variables at or below a node that have two axes or more.
std::size_t kernels_below(const Catalogue& catalogue, std::size_t node);

}  // namespace ckpt
