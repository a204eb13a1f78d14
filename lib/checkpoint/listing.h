#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "scope/tree.h"

namespace ckpt {

// What a listing shows.
struct ListingRequest {
  std::string scope;               // only what is under this scope, or this variable; empty: all
  std::vector<std::string> globs;  // only names that match one of these; empty: all
  enum class Sort : std::uint8_t { kFile, kName, kSize } sort = Sort::kFile;
  // For the tree:
  bool slots = false;        // show optimizer slots as variables, instead of their sum alone
  bool collapse = false;     // join runs of like siblings
  std::optional<int> depth;  // scopes at this depth show their sums alone
};

struct Sums {
  std::uint64_t variables = 0;
  std::uint64_t parameters = 0;
  std::uint64_t nbytes = 0;
};

// The variables of a checkpoint that a request asks for, in order, with their sums.
struct Listing {
  std::vector<std::size_t> entries;  // positions in Index::entries
  Sums total;                        // of all of them
  Sums slots;                        // of those that are optimizer slots
};

// Throws Error(kNotFound), with the nearest names, where the scope is not there.
Listing make_listing(const Index& index, const ListingRequest& request);

// A row of the tree, top down.
struct TreeRow {
  std::size_t depth = 0;  // 0 for the topmost rows
  std::string label;      // one segment, or several where each scope has only the next
  bool is_scope = false;
  std::optional<std::size_t> entry;  // position in Index::entries, of the variable
  bool is_alias = false;             // the name is another one of that entry
  std::size_t repeats = 1;
  std::string layer;  // of a scope: what Index::layers has for it
  Sums sums;          // of a scope: all below; of a variable: its own
};

// The scope tree of a listing. Slots, unless asked for, are not in it.
struct ListingTree {
  ScopeTree tree;
  struct Leaf {
    std::uint32_t entry;  // position in Index::entries
    bool is_alias;        // the name is another one of that entry
  };
  std::vector<Leaf> leaves;  // by TreeNode::leaf
};
ListingTree make_listing_tree(const Index& index, const Listing& listing,
                              const ListingRequest& request);

// Gives `f` the rows of the tree, top down, as far as `depth` (no limit where it is empty). Scopes
// that hold one scope and nothing else share a row with it ("encoder/layer_0").
void for_each_row(const ListingTree& tree, const Index& index, std::optional<int> depth,
                  const std::function<void(const TreeRow&)>& f);

}  // namespace ckpt
