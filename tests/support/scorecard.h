#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dups/find_duplicates.h"
#include "support/mistakes.h"

// How well findings agree with labels.
struct Scorecard {
  struct Count {
    int right = 0;
    int all = 0;
  };
  // Findings by code and confidence: how many tell of a labelled mistake, of how many. What is told
  // as explained is no claim, and is not counted.
  std::map<ckpt::FindingCode, std::array<Count, ckpt::kConfidenceCount>> precision;
  // Labels by code: how many were told at the confidence or above.
  std::map<ckpt::FindingCode, std::array<Count, ckpt::kConfidenceCount>> recall;
  // Labels by code: how many were told as surely as their evidence allows.
  std::map<ckpt::FindingCode, Count> expected;
  Count keep;                       // findings of strong or above that name the right copy to keep
  int legitimate = 0;               // checkpoints in which nothing is wrong
  int fixes_of_legitimate = 0;      // rules offered there
  int loud_on_legitimate = 0;       // findings of likely or above there
  int false_certain = 0;            // certain findings whose bytes differ
  std::vector<std::string> faults;  // what went wrong, for the reader

  void add(const Labelled& labelled, const ckpt::Duplicates& found);
  // Of all findings of that confidence or above.
  [[nodiscard]] Count precision_from(ckpt::Confidence confidence) const;
  [[nodiscard]] Count recall_of(ckpt::FindingCode code, ckpt::Confidence confidence) const;
  // Markdown.
  [[nodiscard]] std::string table() const;
};

// The scorecard of `count` mistakes of each code, as many files with several, and as many
// checkpoints of each legitimate kind, drawn from `seed` on.
Scorecard make_scorecard(std::uint64_t seed, int count);

double share(Scorecard::Count count);
// The least share that the count allows with 95 % confidence (Wilson, JASA 22 (1927), 209).
double least_share(Scorecard::Count count);
// "12 of 13 (0.923)".
std::string text_of(Scorecard::Count count);

// Of a finding, the variables of the checkpoint that its members to drop (`kept` false) or to keep
// stand for. Of a scope slots and averages are left out.
std::set<std::string> variables_of(const ckpt::MemoryCheckpoint& checkpoint,
                                   const ckpt::Finding& finding, bool kept);

ckpt::Duplicates find_in(const ckpt::MemoryCheckpoint& checkpoint,
                         const ckpt::DupsRequest& request = {});
