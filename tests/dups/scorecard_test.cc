#include <doctest/doctest.h>

#include "core/text.h"
#include "support/sanitized.h"
#include "support/scorecard.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr FindingCode kInjected[] = {FindingCode::kGhostTwin, FindingCode::kExactCopy,
                                     FindingCode::kRebuiltGraph};

// Seeds other than those that the rules were developed with. `ckpt_scorecard` draws any.
constexpr std::uint64_t kSeed = 7'000'000;

}  // namespace

TEST_SUITE("dups/scorecard") {
  TEST_CASE("injected mistakes are found and what is legitimate is left alone, at the bars") {
    const Scorecard card = make_scorecard(kSeed, 20 / kStride<4>);
    INFO(join(card.faults, "\n"));
    INFO(card.table());
    // The README quotes it. A rule that changes the figures changes them there: paste what
    // `ckpt_scorecard` prints.
    if (!kSanitized) {
      CHECK(read_file(CKPT_PROJECT "/README.md").find(card.table()) != std::string::npos);
    }
    CHECK(card.false_certain == 0);
    CHECK(card.fixes_of_legitimate == 0);
    CHECK(card.precision_from(Confidence::kStrong).all > 150 / kStride<4>);
    CHECK(share(card.precision_from(Confidence::kStrong)) >= 0.99);
    CHECK(share(card.precision_from(Confidence::kLikely)) >= 0.9);
    CHECK(share(card.keep) >= 0.99);
    for (const FindingCode code : kInjected) {
      INFO(name_of(code));
      CHECK(share(card.recall_of(code, Confidence::kStrong)) >= 0.95);
    }
    for (const auto& told : card.expected) {
      INFO(name_of(told.first), " ", text_of(told.second));
      CHECK(share(told.second) >= 0.9);
    }
  }
}
