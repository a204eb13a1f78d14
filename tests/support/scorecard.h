#pragma once

#include <array>
#include <map>
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
  // Findings by code and confidence: how many tell of a labelled mistake, of how many.
  std::map<std::pair<ckpt::FindingCode, ckpt::Confidence>, Count> precision;
  // Labels by code: how many were told at the confidence or above.
  std::map<ckpt::FindingCode, std::array<Count, ckpt::kConfidenceCount>> recall;
  Count keep;                       // strong findings that name the right copy to keep
  int fixes_of_legitimate = 0;      // rules offered where nothing is wrong
  int loud_on_legitimate = 0;       // findings of likely or above there, but for equal bytes
  int false_certain = 0;            // certain findings whose bytes differ
  std::vector<std::string> faults;  // what went wrong, for the reader

  void add(const Labelled& labelled, const ckpt::Duplicates& found);
  [[nodiscard]] Count precision_at(ckpt::Confidence confidence) const;
  [[nodiscard]] Count recall_of(ckpt::FindingCode code, ckpt::Confidence confidence) const;
  [[nodiscard]] std::string table() const;
};

// "12/13 (0.923)".
std::string text_of(Scorecard::Count count);

// Of a finding, the variables of the checkpoint that its members to drop (`kept` false) or to keep
// stand for, slots and averages left out.
std::set<std::string> variables_of(const ckpt::MemoryCheckpoint& checkpoint,
                                   const ckpt::Finding& finding, bool kept);

ckpt::Duplicates find_in(const ckpt::MemoryCheckpoint& checkpoint,
                         const ckpt::DupsRequest& request = {});
