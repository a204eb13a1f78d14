#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "dups/copy_measure.h"
#include "dups/finding.h"
#include "dups/subject.h"
#include "dups/verdict.h"

namespace ckpt {

// Two copies: as many nodes on each side, which belong together pairwise.
struct CopyPair {
  std::size_t parent = 0;  // the scope in which something was done twice
  std::vector<std::size_t> a;
  std::vector<std::size_t> b;
  Naming naming = Naming::kUnrelated;
  SameBytes bytes = SameBytes::kDiffer;
  std::size_t equal = 0;      // variables with the same bytes
  std::size_t variables = 0;  // of each side
  double cosine = 0;          // of the values of the largest variable, where that was looked at
  CopyMeasure one;
  CopyMeasure two;
  bool covers_model = false;
  bool has_two_optimizers = false;
  bool has_two_steps = false;
  std::vector<std::size_t> counters_a;  // entries that go with a side: its step, powers of beta
  std::vector<std::size_t> counters_b;
};

// Judges pairs and puts those together that one mistake made: the same scope, the same verdict, the
// same reason to keep a side. Pairs that mean nothing are left out.
std::vector<Finding> findings_of(const Subject& subject, std::vector<CopyPair> pairs);

}  // namespace ckpt
