#pragma once

#include <cmath>

namespace ckpt::kernels {

// The larger and the smaller of two numbers. NaN where either is: frameworks carry it through
// maxima and poolings, so that it is seen, while std::max() depends on which of them comes first.
inline double larger(double a, double b) { return a >= b || std::isnan(a) ? a : b; }
inline double smaller(double a, double b) { return a <= b || std::isnan(a) ? a : b; }

}  // namespace ckpt::kernels
