#include <doctest/doctest.h>

#include <cstdlib>

#include "core/text.h"
#include "support/apply_rules.h"
#include "support/scorecard.h"

using namespace ckpt;

namespace {

constexpr FindingCode kInjected[] = {FindingCode::kGhostTwin, FindingCode::kExactCopy,
                                     FindingCode::kRebuiltGraph};

// Seeds far from those that the rules were developed with; CKPT_DUPS_SEED draws others.
std::uint64_t first_seed() {
  const char* wish = std::getenv("CKPT_DUPS_SEED");
  return wish == nullptr ? 7'000'000 : std::strtoull(wish, nullptr, 10);
}

// Two checkpoints as one, each in a scope of its own, with the labels of both.
Labelled together(const Labelled& a, const Labelled& b) {
  Labelled out{.what = a.what + " and " + b.what, .checkpoint = {}, .labels = {}};
  for (const auto& [scope, part] : {std::pair{"first/", &a}, {"second/", &b}}) {
    const auto prefixed = [&, prefix = std::string(scope)](const std::set<std::string>& names) {
      std::set<std::string> longer;
      for (const std::string& name : names) longer.insert(prefix + name);
      return longer;
    };
    for (const auto& v : part->checkpoint.variables) out.checkpoint.add(scope + v.name, v.tensor);
    for (Label label : part->labels) {
      label.redundant = prefixed(label.redundant);
      label.live = prefixed(label.live);
      out.labels.push_back(std::move(label));
    }
  }
  return out;
}

double share(Scorecard::Count count) {
  return count.all == 0 ? 1 : static_cast<double>(count.right) / count.all;
}

}  // namespace

TEST_SUITE("dups/scorecard") {
  TEST_CASE("injected mistakes are found and what is legitimate is left alone, at the bars") {
    Scorecard card;
    const std::uint64_t seed = first_seed();
    for (const FindingCode code : kInjected) {
      for (std::uint64_t i = 0; i < 60; ++i) {
        const Labelled labelled = make_mistake(code, seed + i);
        card.add(labelled, find_in(labelled.checkpoint));
      }
    }
    for (int kind = 0; kind < legitimate_kinds(); ++kind) {
      for (std::uint64_t i = 0; i < 12; ++i) {
        const Labelled labelled = make_legitimate(kind, seed + i);
        card.add(labelled, find_in(labelled.checkpoint));
      }
    }
    INFO(join(card.faults, "\n"));
    INFO(card.table());
    MESSAGE(card.table());
    CHECK(card.false_certain == 0);
    CHECK(card.fixes_of_legitimate == 0);
    CHECK(card.loud_on_legitimate == 0);
    CHECK(card.precision_at(Confidence::kStrong).all > 60);
    CHECK(share(card.precision_at(Confidence::kStrong)) >= 0.99);
    CHECK(share(card.precision_at(Confidence::kLikely)) >= 0.9);
    CHECK(share(card.keep) >= 0.99);
    for (const FindingCode code : kInjected) {
      INFO(name_of(code));
      CHECK(share(card.recall_of(code, Confidence::kStrong)) >= 0.95);
    }
  }

  TEST_CASE("several mistakes in one file are found as surely as one") {
    Scorecard card;
    for (std::uint64_t i = 0; i < 30; ++i) {
      const std::uint64_t seed = first_seed() + 900 + 2 * i;
      const Labelled both = together(
          make_mistake(FindingCode::kGhostTwin, seed),
          make_mistake(i % 2 == 0 ? FindingCode::kExactCopy : FindingCode::kGhostTwin, seed + 1));
      card.add(both, find_in(both.checkpoint));
    }
    INFO(join(card.faults, "\n"));
    INFO(card.table());
    CHECK(share(card.precision_at(Confidence::kStrong)) >= 0.99);
    CHECK(share(card.keep) >= 0.99);
    CHECK(card.false_certain == 0);
    CHECK(share(card.recall_of(FindingCode::kGhostTwin, Confidence::kStrong)) >= 0.95);
    CHECK(share(card.recall_of(FindingCode::kExactCopy, Confidence::kStrong)) >= 0.95);
  }

  TEST_CASE("a file that was mended has nothing more to be mended, and what is kept is unchanged") {
    for (const FindingCode code : kInjected) {
      for (std::uint64_t i = 0; i < 8; ++i) {
        const Labelled labelled = make_mistake(code, first_seed() + 500 + i);
        INFO(labelled.what);
        std::vector<std::string> rules;
        for (const Finding& finding : find_in(labelled.checkpoint).findings) {
          if (finding.fix != Fix::kOffered) continue;
          rules.insert(rules.end(), finding.rules.begin(), finding.rules.end());
        }
        const MemoryCheckpoint mended = apply_rules(labelled.checkpoint, rules);
        for (const Finding& finding : find_in(mended).findings) {
          CHECK(finding.confidence < Confidence::kStrong);
        }
        std::set<std::string> left;
        for (const auto& variable : mended.variables) {
          left.insert(variable.name);
          const auto it = std::ranges::find(labelled.checkpoint.variables, variable.name,
                                            &MemoryCheckpoint::Variable::name);
          REQUIRE(it != labelled.checkpoint.variables.end());
          CHECK(it->tensor == variable.tensor);
        }
        for (const std::string& name : labelled.labels[0].live) CHECK(left.contains(name));
        for (const std::string& name : left)
          CHECK_FALSE(labelled.labels[0].redundant.contains(name));
      }
    }
  }
}
