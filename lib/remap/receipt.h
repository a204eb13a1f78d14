#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "remap/plan.h"
#include "scope/tree_moves.h"

namespace ckpt {

// The record of a remap that was done: what undoes it exactly, rules or no rules.
struct Receipt {
  struct File {
    std::string path;
    std::string format;  // "HDF5"
    std::string layout;
    std::uint64_t bytes = 0;
    std::string fingerprint;  // by which its state is known, where the edit told one

    friend bool operator==(const File&, const File&) = default;
  };
  // A joined, divided or otherwise changed variable: names, dtypes and shapes on both sides.
  struct Change {
    std::vector<PlannedVariable> from;
    std::vector<PlannedVariable> to;
    std::vector<Op> ops;  // resolved

    friend bool operator==(const Change&, const Change&) = default;
  };

  std::string tool;     // "ckpt 0.1.0"
  bool undone = false;  // the edit was taken back since
  File input;
  File output;
  char separator = '/';
  std::vector<std::string> rules;  // as they were given
  std::vector<PathMove> moves;     // names that changed while their values did not
  std::vector<Change> changes;
  std::vector<PlannedVariable> dropped;
  std::uint64_t kept = 0;  // names that stayed
  // Digests of tensors by their names in the output, as the caller computes them. May be empty.
  std::vector<std::pair<std::string, std::string>> digests;

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

// The receipt of a plan, without what only its executor knows: tool, files, digests.
// REQUIRES: the plan has no problems.
Receipt make_receipt(const Plan& plan, const Rules& rules);

// {"schema": "ckpt/receipt/1", …}, the same text for the same receipt. A name that is not UTF-8 is
// written as {"hex": "…"}.
std::string print_receipt(const Receipt& receipt);

// That text in pieces.
using WriteText = std::function<void(std::string_view)>;
void write_receipt(const Receipt& receipt, const WriteText& out);

// The text of the same receipt, marked as undone.
std::string mark_undone(std::string_view json);

// Throws Error(kInvalid): text that is no JSON, another schema, a key that is missing, unknown,
// there twice or of another type.
Receipt parse_receipt(std::string_view json);

// The way back.
struct ReceiptInverse {
  Rules rules;  // one exact rule for each name, to be planned with way_back_options()
  std::vector<std::string> lossy;  // names whose values are not what they were: cast and cast back
  std::vector<std::string> lost;   // names that were dropped
};

ReceiptInverse invert(const Receipt& receipt);

// Options for the way back: every name has its rule, and what the file held before the remap, such
// as names that differ in case only, it can hold again.
PlanOptions way_back_options();

}  // namespace ckpt
