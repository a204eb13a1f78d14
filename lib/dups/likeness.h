#pragma once

#include <cstdint>
#include <string>

#include "core/shape.h"
#include "dups/sample.h"

namespace ckpt {

// Do values look as an initializer left them? What training does to a tensor is seldom subtle: on
// trained networks spreads were 2.3 to 27 times an initializer's, and kurtosis 2.7 to 136, where a
// uniform distribution has 1.8.
enum class Look : std::uint8_t {
  kSilent,   // too few values, or a shape of distribution that says nothing
  kInitial,  // as an initializer makes them
  kMoved,    // as none does
};

struct Likeness {
  Look look = Look::kSilent;
  // How much it weighs: 1 decides alone, less has to be one of several.
  double weight = 0;
  std::string words;     // "within 0.3 % of Glorot-uniform for [512, 128]", "all 0"
  double deviation = 0;  // of the values
};

// Compares a sample of a variable of that shape with what initializers make: constants for vectors,
// uniform, normal, truncated normal, orthogonal and identity for the others.
Likeness likeness_of(const Shape& shape, const Sample& sample);

}  // namespace ckpt
