#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"

namespace ckpt {

// How outputs stand to those that were expected.
enum class Agreement : std::uint8_t { kIdentical, kWithin, kDiffers };

// A variable that is not what it was.
struct Suspect {
  std::string name;             // for people: as NEW calls it
  std::string was;              // its name in the reader of what was
  std::string is;               // its name in the reader of what is
  std::string block = "block";  // what parts of it are called: "gate"

  friend bool operator==(const Suspect&, const Suspect&) = default;
};

// What is wrong, and what trying the remedy gave.
struct Diagnosis {
  std::vector<std::string> faults;  // a sentence each: "'a/bias' and 'b/bias' are swapped"
  std::vector<std::string> names;   // the variables that they name, in order
  std::string tried;                // "the outputs agree, bit for bit, once …"; empty: not tried
  bool is_confirmed = false;        // the remedy was tried, and the outputs agree
};

// Runs the network on a checkpoint whose variables were mended.
using TryOut = std::function<Agreement(const Reader& mended)>;

// What is known to be wrong beside variables, and mended already in what `try_out` runs.
struct KnownFault {
  std::string fault;   // "epsilon of 'bn' is 0.001, was 1e-05"
  std::string remedy;  // "epsilon of 'bn' is 1e-05"
};

struct DiagnosisInput {
  const Reader& was;
  const Reader& is;
  std::vector<Suspect> suspects;
  std::vector<Shape> images;  // that the network flattens, as far as is known
  TryOut try_out;             // empty: there is no network
  std::vector<KnownFault> known;
};

// Finds how each suspect came to be what it is: it has the place of another variable or another
// order of its elements, its values went through a function. Then mends all of them and lets
// `try_out` say whether the outputs agree. Tensors that differ in dtype or shape are named only; so
// are those behind the first `kMaxSuspects`, or that would have more than `kMaxDiagnosed` bytes
// held.
Diagnosis diagnose(const DiagnosisInput& input);

inline constexpr std::uint64_t kMaxDiagnosed = std::uint64_t{512} << 20;
inline constexpr std::size_t kMaxSuspects = 64;

}  // namespace ckpt
