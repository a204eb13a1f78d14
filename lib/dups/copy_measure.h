#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dups/subject.h"
#include "dups/verdict.h"

namespace ckpt {

// What is read of one of several copies to tell whether it was trained.
struct CopyMeasure {
  CopyState state;
  struct Sign {
    std::size_t entry;
    Likeness likeness;
  };
  std::vector<Sign> signs;  // those that count, the heaviest first
  std::size_t variables = 0;
  std::size_t with_slots = 0;  // of them
};

// Small variables first, and no further than to the first that has left its initial values: most
// trained networks are known by a bias.
CopyMeasure measure_look(const Subject& subject, std::span<const std::size_t> nodes);

// Adds what optimizers keep for the copy.
void measure_slots(const Subject& subject, std::span<const std::size_t> nodes,
                   CopyMeasure& measure);

// The deviation of a sample of a variable's values.
double deviation_of(const Subject& subject, std::size_t entry);

// How near the values of two entries of one shape are, by equally placed samples.
struct Nearness {
  double cosine = 0;    // of the angle between the samples
  double distance = 0;  // relative to the length of the first
  double equal = 0;     // share of values that are equal
};
Nearness nearness_of(const Subject& subject, std::size_t a, std::size_t b);

}  // namespace ckpt
