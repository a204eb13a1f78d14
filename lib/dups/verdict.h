#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dups/finding.h"
#include "dups/likeness.h"

namespace ckpt {

// From evidence to findings: the one place where confidence is decided. Nothing here reads a file.

// How the names of two copies are related.
enum class Naming : std::uint8_t {
  kNumbered,   // "x" and "x_1": what scope engines make of a second use
  kSeries,     // "x_0", "x_1", or "x_1", "x_2" without "x": people number so
  kWrapped,    // "x" and "module.x"
  kRoles,      // "online" and "target": two by design
  kUnrelated,  // anything else
};

// What optimizers keep for a copy.
enum class SlotState : std::uint8_t {
  kNone,    // nothing
  kIdle,    // slots that were never updated: each constant
  kActive,  // slots that have been used
};

enum class SameBytes : std::uint8_t { kDiffer, kNear, kMostly, kEqual };

// One of two copies.
struct CopyState {
  SlotState slots = SlotState::kNone;
  Look look = Look::kSilent;
  double weight = 0;           // of the signs for its look
  std::optional<double> step;  // of a counter that belongs to it
  bool is_canonical = false;   // has the shorter name, or stands first
};

// Which of two copies to keep, by signals in their order: optimizer slots, values away from an
// initializer's, the larger step counter, the canonical name. Where the first two contradict each
// other nothing is decided.
enum class Signal : std::uint8_t { kNone, kSlots, kLook, kStep, kName };
struct Choice {
  std::optional<int> keep;  // 0 or 1
  std::string why;          // a clause: "it alone has optimizer slots"
  Signal signal = Signal::kNone;
};
Choice decide_keep(const CopyState& a, const CopyState& b);

// All that is known of a pair of copies, once it is decided which one would be kept.
struct TwinEvidence {
  Naming naming = Naming::kUnrelated;
  SameBytes bytes = SameBytes::kDiffer;
  CopyState live;
  CopyState copy;
  bool is_decided = false;          // is `live` the one to keep?
  bool is_parallel = false;         // input and output sizes differ: no stack of layers
  bool is_default_name = false;     // the name is what a library calls an unnamed layer
  bool is_single = false;           // one variable on each side
  bool has_several_layers = false;  // more than one kernel on each side
  bool covers_model = false;        // the pairs are all of the model
  bool has_two_optimizers = false;  // step counters or powers of beta are there twice
  bool has_two_steps = false;       // step counters are
};

struct PairVerdict {
  FindingCode code;
  Confidence confidence;
  Fix fix;
};

// What a pair of copies is; empty where it is nothing to speak of.
std::optional<PairVerdict> judge(const TwinEvidence& evidence);

}  // namespace ckpt
