#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"

namespace ckpt {

// What is kept for variables: entries by the entry that they belong to. Most checkpoints have few.
class Companions {
 public:
  void add(std::size_t owner, std::size_t entry) { of_[owner].push_back(entry); }
  [[nodiscard]] const std::vector<std::size_t>& operator[](std::size_t owner) const {
    static const std::vector<std::size_t> kNone;
    const auto it = of_.find(owner);
    return it == of_.end() ? kNone : it->second;
  }
  [[nodiscard]] const std::map<std::size_t, std::vector<std::size_t>>& all() const { return of_; }

 private:
  std::map<std::size_t, std::vector<std::size_t>> of_;
};

// What the search for duplicates sees of a checkpoint without reading a tensor: the model's
// variables in a tree of scopes, and for each what optimizers and averages keep for it. Positions
// called `entry` are those of Index::entries, positions called `node` those of `nodes`.
struct Catalogue {
  struct Node {
    std::string_view segment;  // of the name; empty for the root
    std::size_t parent = 0;
    std::vector<std::size_t> children;  // sorted by segment
    std::optional<std::size_t> entry;   // the variable of that name
    std::uint64_t signature = 0;        // equal for equal relative names, dtypes and shapes below
    std::uint64_t variables = 0;        // model variables here and below
  };

  const Index* index = nullptr;  // outlives the catalogue
  // What separates the segments of names. Not always the format's: names of another framework keep
  // their dots when they are put into a format that uses slashes.
  char separator = '/';
  std::vector<Node> nodes;  // the root first, a node after its parent; without slots and averages
  Companions slots;
  Companions averages;
  std::vector<std::size_t> orphans;   // entries called as slots, whose variable is not there
  std::vector<std::size_t> counters;  // entries that count steps, and powers of betas
};

// `index` must outlive it.
Catalogue make_catalogue(const Index& index);

// The full name of a node, with its separator behind it where variables are below it.
std::string scope_name(const Catalogue& catalogue, std::size_t node);

// The entries at and below a node, in the order of their names' segments: two nodes of one
// signature give entries that belong together pairwise.
std::vector<std::size_t> entries_below(const Catalogue& catalogue, std::size_t node);

// Sorts entries by name, so that nothing depends on the order in which a file lists them.
void sort_by_name(const Catalogue& catalogue, std::vector<std::size_t>& entries);

// The name of an entry behind the name of `node`, without a separator before it; empty for the
// node's own variable. REQUIRES: the entry is at or below the node.
std::string_view relative_name(const Catalogue& catalogue, std::size_t node, std::size_t entry);

// "dense_12" is the twelfth "dense". Empty where the segment ends in no number behind "_".
struct NumberedSegment {
  std::string_view base;
  std::uint64_t number = 0;
};
std::optional<NumberedSegment> parse_numbered(std::string_view segment);

// Does an entry count steps ("global_step", "step")? By name and shape.
bool is_step_counter(const Entry& entry, char separator);

}  // namespace ckpt
