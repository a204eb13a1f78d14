#include <doctest/doctest.h>

#include <algorithm>

#include "core/text.h"
#include "scope/layers.h"
#include "support/scorecard.h"
#include "support/trainee.h"

using namespace ckpt;

namespace {

// The checkpoint as an export for use has it: no slots, no counters.
MemoryCheckpoint without_optimizer(const MemoryCheckpoint& checkpoint) {
  const auto reader = open_memory(checkpoint);
  MemoryCheckpoint out;
  out.separator = checkpoint.separator;
  for (std::size_t i = 0; i < checkpoint.variables.size(); ++i) {
    const std::string& name = checkpoint.variables[i].name;
    const bool is_state = reader->index().entries[i].role == Role::kSlot ||
                          name.find("global_step") != std::string::npos;
    if (!is_state) out.variables.push_back(checkpoint.variables[i]);
  }
  return out;
}

}  // namespace

TEST_SUITE("dups/ablation") {
  TEST_CASE("without slots ghosts are likely, never strong, and nothing turns wrong") {
    Scorecard card;
    for (std::uint64_t seed = 9000; seed < 9060; ++seed) {
      Labelled labelled = make_mistake(FindingCode::kGhostTwin, seed);
      labelled.checkpoint = without_optimizer(labelled.checkpoint);
      card.add(labelled, find_in(labelled.checkpoint));
    }
    INFO(card.table());
    CHECK(card.precision_from(Confidence::kStrong).all == 0);
    const auto likely = card.precision_from(Confidence::kLikely);
    CHECK(likely.right == likely.all);
    CHECK(card.recall_of(FindingCode::kGhostTwin, Confidence::kLikely).right >= 51);
  }

  TEST_CASE("a ghost that the optimizer trains is no ghost, from its first step on") {
    for (const double growth : {1.0, 1.001, 1.01, 1.1}) {
      Trainee net(21);
      dense(net.store, 40, 30);
      dense(net.store, 40, 30);
      std::vector<Variable*> all;
      for (const auto& v : net.store.variables()) all.push_back(v.get());
      net.initialize();
      net.train({all[0], all[1]}, 2.5);
      if (growth > 1) net.train({all[2], all[3]}, growth);
      net.add_slots(all, Optimizer::kAdam, true);
      for (const Finding& f : find_in(net.save()).findings) {
        INFO(growth, " ", name_of(f.code));
        CHECK(f.confidence <= Confidence::kPossible);
      }
    }
  }

  TEST_CASE("two of one shape, untrained both, as before a fine-tuning, are left alone") {
    Trainee net(22);
    dense(net.store, 40, 30);
    dense(net.store, 40, 30);
    net.initialize();
    CHECK(find_in(net.save()).findings.empty());
  }
}
