#include "dups/verdict.h"

#include <doctest/doctest.h>

using namespace ckpt;

namespace {

// A ghost as the book has it: numbered, never trained, unknown to the optimizer.
TwinEvidence ghost() {
  TwinEvidence e;
  e.naming = Naming::kNumbered;
  e.live = {.slots = SlotState::kActive, .look = Look::kMoved};
  e.copy = {.slots = SlotState::kNone, .look = Look::kInitial, .weight = 2};
  e.is_decided = true;
  return e;
}

std::string text(const std::optional<PairVerdict>& verdict) {
  if (!verdict) return "nothing";
  const char* const fix[] = {"no fix", "fix on request", "fix offered"};
  return std::string(name_of(verdict->confidence)) + " " + std::string(name_of(verdict->code)) +
         ", " + fix[static_cast<int>(verdict->fix)];
}

}  // namespace

TEST_SUITE("dups/verdict") {
  TEST_CASE("a ghost loses confidence with each piece of its evidence") {
    TwinEvidence e = ghost();
    CHECK(text(judge(e)) == "strong ghost-twin, fix offered");
    e.has_several_layers = true;
    e.copy.slots = SlotState::kIdle;
    CHECK(text(judge(e)) == "strong ghost-twin, fix offered");
    e.has_several_layers = false;
    CHECK(text(judge(e)) == "possible ghost-twin, fix on request");
    e.copy.slots = SlotState::kNone;
    e.copy.look = Look::kSilent;
    CHECK(text(judge(e)) == "nothing");
    e.is_parallel = true;
    CHECK(text(judge(e)) == "likely ghost-twin, fix on request");
    e.copy.look = Look::kMoved;
    CHECK(text(judge(e)) == "possible diverged-twin, fix on request");
  }

  TEST_CASE(
      "without slots a ghost is likely at most, and a single new layer no more than possible") {
    TwinEvidence e = ghost();
    e.live.slots = SlotState::kNone;
    CHECK(text(judge(e)) == "possible ghost-twin, fix on request");
    e.is_parallel = true;
    CHECK(text(judge(e)) == "possible ghost-twin, fix on request");
    e.has_several_layers = true;
    CHECK(text(judge(e)) == "likely ghost-twin, fix on request");
  }

  TEST_CASE("names that nothing relates make a ghost likely at most, and only of several layers") {
    TwinEvidence e = ghost();
    e.naming = Naming::kUnrelated;
    CHECK(text(judge(e)) == "nothing");
    e.has_several_layers = true;
    CHECK(text(judge(e)) == "likely ghost-twin, fix on request");
    e.naming = Naming::kRoles;
    CHECK(text(judge(e)) == "explained dead-branch, no fix");
  }

  TEST_CASE("equal bytes are certain; whether to drop one depends on who uses it") {
    TwinEvidence e = ghost();
    e.bytes = SameBytes::kEqual;
    CHECK(text(judge(e)) == "certain exact-copy, fix offered");
    e.copy.slots = SlotState::kActive;
    CHECK(text(judge(e)) == "certain exact-copy, fix on request");
    e.naming = Naming::kUnrelated;
    CHECK(text(judge(e)) == "certain exact-copy, fix on request");
    e.is_single = true;
    CHECK(text(judge(e)) == "certain tied, fix on request");
    e.is_single = false;
    e.bytes = SameBytes::kMostly;
    CHECK(text(judge(e)) == "likely exact-copy, fix on request");
  }

  TEST_CASE("a whole model twice is a rebuilt graph only with more than two powers of beta") {
    TwinEvidence e = ghost();
    e.copy = {.slots = SlotState::kActive, .look = Look::kMoved};
    e.covers_model = true;
    CHECK(text(judge(e)) == "nothing");
    e.has_two_optimizers = true;
    CHECK(text(judge(e)) == "nothing");
    e.has_two_steps = true;
    CHECK(text(judge(e)) == "strong rebuilt-graph, fix offered");
    e.has_two_steps = false;
    e.copy.look = Look::kInitial;
    CHECK(text(judge(e)) == "strong rebuilt-graph, fix offered");
  }

  TEST_CASE("two trained copies are possible twins, near ones likely, and layers of a stack none") {
    TwinEvidence e = ghost();
    e.copy = e.live;
    CHECK(text(judge(e)) == "nothing");
    e.is_parallel = true;
    CHECK(text(judge(e)) == "possible diverged-twin, fix on request");
    e.bytes = SameBytes::kNear;
    CHECK(text(judge(e)) == "likely diverged-twin, fix on request");
    e.naming = Naming::kSeries;
    CHECK(text(judge(e)) == "nothing");
  }

  TEST_CASE(
      "where it is open which copy lives, only equal bytes stay sure, and no rule is offered") {
    TwinEvidence e = ghost();
    e.is_decided = false;
    CHECK(text(judge(e)) == "possible diverged-twin, no fix");
    e.bytes = SameBytes::kEqual;
    CHECK(text(judge(e)) == "certain exact-copy, no fix");
  }

  TEST_CASE(
      "slots decide first, then values, then steps, then names; a contradiction decides none") {
    const CopyState trained{.slots = SlotState::kActive, .look = Look::kMoved};
    const CopyState bare{.slots = SlotState::kNone, .look = Look::kMoved};
    const CopyState fresh{.slots = SlotState::kNone, .look = Look::kInitial};
    CHECK(decide_keep(bare, trained).keep == 1);
    CHECK(decide_keep(trained, bare).why == "it alone has optimizer slots");
    CHECK(decide_keep(trained, fresh).signal == Signal::kSlots);
    CHECK(decide_keep(fresh, bare).keep == 1);
    CHECK(decide_keep(fresh, bare).why == "its values alone have left those of an initializer");
    CopyState idle = fresh;
    idle.slots = SlotState::kIdle;
    CHECK(decide_keep(trained, idle).why == "its optimizer slots alone have been used");

    const CopyState odd{.slots = SlotState::kActive, .look = Look::kInitial};
    CHECK_FALSE(decide_keep(odd, bare).keep.has_value());
    CHECK(decide_keep(bare, odd).why ==
          "the one with used optimizer slots has an initializer's values, and the other has not: "
          "the signals contradict each other");

    CopyState early = trained;
    CopyState late = trained;
    early.step = 10;
    late.step = 20;
    CHECK(decide_keep(early, late).keep == 1);
    CHECK(decide_keep(early, late).why == "its step counter is the larger, 20 against 10");
    CopyState canonical = trained;
    canonical.is_canonical = true;
    CHECK(decide_keep(trained, canonical).keep == 1);
    CHECK(decide_keep(canonical, trained).why == "its name is the plainer one");
  }
}
