#include "dups/verdict.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace ckpt {
namespace {

// Sets of enumerators, as bits.
template <typename Enum>
constexpr unsigned bit(Enum value) {
  return 1U << static_cast<unsigned>(value);
}
constexpr unsigned kAny = ~0U;
constexpr unsigned kNumbered = bit(Naming::kNumbered);
constexpr unsigned kCounted = kNumbered | bit(Naming::kSeries);
constexpr unsigned kEqual = bit(SameBytes::kEqual);
constexpr unsigned kNotEqual = bit(SameBytes::kDiffer) | bit(SameBytes::kNear);
constexpr unsigned kNear = bit(SameBytes::kNear);
constexpr unsigned kInitial = bit(Look::kInitial);
constexpr unsigned kUnclear = bit(Look::kInitial) | bit(Look::kSilent);
constexpr unsigned kMoved = bit(Look::kMoved);

// How the optimizer tells the copies apart.
enum class Slots : std::uint8_t {
  kOnlyLive,  // the live one has used slots, the copy none
  kIdleCopy,  // the live one has used slots, the copy some that were never updated
  kBoth,      // both have used ones
  kNeither,   // neither has
};
constexpr unsigned kNeither = bit(Slots::kNeither);
constexpr unsigned kBare = bit(Slots::kOnlyLive);
constexpr unsigned kOnlyLive = kBare | bit(Slots::kIdleCopy);

// What a row asks for beside its sets.
enum Need : unsigned {
  kNothing = 0,
  kParallel = 1,
  kDefaultName = 2,
  kSeveralLayers = 4,
  kWholeModel = 8,
  kTwoOptimizers = 16,
  kTwoSteps = 32,
  kSingle = 64,
};

struct Row {
  unsigned naming;
  unsigned bytes;
  unsigned slots;
  unsigned live;  // looks
  unsigned copy;
  unsigned needs;
  FindingCode code;
  Confidence confidence;
  Fix fix;
};

using C = FindingCode;
using K = Confidence;

// The first row that fits is the verdict; a pair that none fits is normal.
constexpr std::array kTable{
    // Two by design, whatever the values.
    Row{bit(Naming::kRoles), kAny, kAny, kAny, kAny, kNothing,  //
        C::kDeadBranch, K::kExplained, Fix::kNone},
    // The whole model twice, and its optimizer or counters too.
    Row{kAny, kAny, kOnlyLive, kAny, kAny, kWholeModel | kTwoOptimizers,  //
        C::kRebuiltGraph, K::kStrong, Fix::kOffered},
    Row{kAny, kAny, kAny, kMoved, kInitial, kWholeModel | kTwoOptimizers,  //
        C::kRebuiltGraph, K::kStrong, Fix::kOffered},
    Row{kAny, kEqual, kAny, kAny, kAny, kWholeModel | kTwoOptimizers,  //
        C::kRebuiltGraph, K::kStrong, Fix::kOffered},
    Row{kAny, kAny, kAny, kAny, kAny, kWholeModel | kTwoSteps,  //
        C::kRebuiltGraph, K::kStrong, Fix::kOffered},
    // The same bytes. That they are equal is certain; that one is too many is so where the name is
    // numbered by an engine and the optimizer does not use both.
    Row{kNumbered | bit(Naming::kWrapped), kEqual, kOnlyLive | kNeither, kAny, kAny, kNothing,  //
        C::kExactCopy, K::kCertain, Fix::kOffered},
    Row{~kCounted, kEqual, kAny, kAny, kAny, kSingle,  //
        C::kTied, K::kCertain, Fix::kOnRequest},
    Row{kAny, kEqual, kAny, kAny, kAny, kNothing,  //
        C::kExactCopy, K::kCertain, Fix::kOnRequest},
    Row{kAny, bit(SameBytes::kMostly), kAny, kAny, kAny, kNothing,  //
        C::kExactCopy, K::kLikely, Fix::kOnRequest},
    // A copy with first values, which the optimizer does not know. Where it has made slots that are
    // still idle, a single layer may be a new one that training has just begun with.
    Row{kNumbered, kNotEqual, kBare, kAny, kInitial, kNothing,  //
        C::kGhostTwin, K::kStrong, Fix::kOffered},
    Row{kCounted, kNotEqual, kBare, kAny, kInitial, kDefaultName,  //
        C::kGhostTwin, K::kStrong, Fix::kOffered},
    Row{kNumbered, kNotEqual, kOnlyLive, kAny, kInitial, kSeveralLayers,  //
        C::kGhostTwin, K::kStrong, Fix::kOffered},
    Row{kAny, kNotEqual, kOnlyLive, kMoved, kInitial, kSeveralLayers,  //
        C::kGhostTwin, K::kLikely, Fix::kOnRequest},
    Row{kCounted, kNotEqual, kBare, kAny, kUnclear, kParallel,  //
        C::kGhostTwin, K::kLikely, Fix::kOnRequest},
    // The same in a file without slots: a layer that is new looks so too, unless several are new at
    // once.
    Row{kNumbered, kNotEqual, kNeither, kMoved, kInitial, kParallel | kSeveralLayers,  //
        C::kGhostTwin, K::kLikely, Fix::kOnRequest},
    Row{kCounted, kNotEqual, kNeither, kMoved, kInitial,
        kParallel | kDefaultName | kSeveralLayers,  //
        C::kGhostTwin, K::kLikely, Fix::kOnRequest},
    Row{kCounted, kNotEqual, kNeither | bit(Slots::kIdleCopy), kMoved, kInitial, kNothing,  //
        C::kGhostTwin, K::kPossible, Fix::kOnRequest},
    // Two that were both trained: ensembles look the same. Near values are another matter.
    Row{kNumbered, kNear, kAny, kAny, kAny, kParallel,  //
        C::kDivergedTwin, K::kLikely, Fix::kOnRequest},
    Row{kNumbered, kNotEqual, kAny, kMoved, kMoved, kParallel,  //
        C::kDivergedTwin, K::kPossible, Fix::kOnRequest},
};

Slots relation(const TwinEvidence& e) {
  if (e.live.slots != SlotState::kActive) return Slots::kNeither;
  switch (e.copy.slots) {
    case SlotState::kNone:
      return Slots::kOnlyLive;
    case SlotState::kIdle:
      return Slots::kIdleCopy;
    case SlotState::kActive:
      return Slots::kBoth;
  }
  return Slots::kNeither;
}

unsigned given(const TwinEvidence& e) {
  unsigned flags = 0;
  if (e.is_parallel) flags |= kParallel;
  if (e.is_default_name) flags |= kDefaultName;
  if (e.has_several_layers) flags |= kSeveralLayers;
  if (e.covers_model) flags |= kWholeModel;
  if (e.has_two_optimizers) flags |= kTwoOptimizers;
  if (e.has_two_steps) flags |= kTwoSteps;
  if (e.is_single) flags |= kSingle;
  return flags;
}

}  // namespace

Choice decide_keep(const CopyState& a, const CopyState& b) {
  const auto rank = [](SlotState state) { return state == SlotState::kActive ? 1 : 0; };
  const int by_slots = rank(a.slots) - rank(b.slots);
  const int by_look = (b.look == Look::kInitial ? 1 : 0) - (a.look == Look::kInitial ? 1 : 0);
  if (by_slots * by_look < 0) {
    return {.keep = std::nullopt,
            .why =
                "the one with used optimizer slots has an initializer's values, and the other "
                "has not: the signals contradict each other",
            .signal = Signal::kNone};
  }
  if (by_slots != 0) {
    const CopyState& other = by_slots > 0 ? b : a;
    return {.keep = by_slots > 0 ? 0 : 1,
            .why = other.slots == SlotState::kIdle ? "its optimizer slots alone have been used"
                                                   : "it alone has optimizer slots",
            .signal = Signal::kSlots};
  }
  if (by_look != 0) {
    return {.keep = by_look > 0 ? 0 : 1,
            .why = "its values alone have left those of an initializer",
            .signal = Signal::kLook};
  }
  if (a.step && b.step && *a.step != *b.step) {
    return {.keep = *a.step > *b.step ? 0 : 1,
            .why = cat("its step counter is the larger, ", std::max(*a.step, *b.step), " against ",
                       std::min(*a.step, *b.step)),
            .signal = Signal::kStep};
  }
  return {.keep = b.is_canonical && !a.is_canonical ? 1 : 0,
          .why = "its name is the plainer one",
          .signal = Signal::kName};
}

std::optional<PairVerdict> judge(const TwinEvidence& e) {
  const Slots slots = relation(e);
  const unsigned flags = given(e);
  for (const Row& row : kTable) {
    const bool fits = (row.naming & bit(e.naming)) != 0 && (row.bytes & bit(e.bytes)) != 0 &&
                      (row.slots & bit(slots)) != 0 && (row.live & bit(e.live.look)) != 0 &&
                      (row.copy & bit(e.copy.look)) != 0 && (row.needs & ~flags) == 0;
    if (!fits) continue;
    PairVerdict verdict{row.code, row.confidence, row.fix};
    // Where it is open which copy is the live one, nothing is sure, but equal bytes are equal.
    if (!e.is_decided) {
      verdict.fix = Fix::kNone;
      if (e.bytes != SameBytes::kEqual && verdict.confidence > Confidence::kPossible) {
        verdict = {FindingCode::kDivergedTwin, Confidence::kPossible, Fix::kNone};
      }
    }
    return verdict;
  }
  return std::nullopt;
}

}  // namespace ckpt
