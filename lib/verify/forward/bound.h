#pragma once

#include "model/forward.h"
#include "verify/tolerance.h"

namespace ckpt {

// The largest relative error that rounding to the type makes: 2^-11 for f16; of an integer type
// half a step of its range; 0 for f64 in, f64 out.
double rounding_unit(DType dtype);

// What rounding may do to a graph's outputs: each layer on the longest way from an input to an
// output adds the rounding of its variables (`stored_unit`, 0 where they were not rounded), of its
// results, and of a sum of n products in the engine's precision, which grows as the root of n (N.
// Higham, T. Mary, A new approach to probabilistic rounding error analysis, 2019); four times that.
// Layers that magnify errors are not accounted for: then a tolerance has to be asked for.
Tolerance rounding_bound(const Graph& graph, double stored_unit, Engine engine);

// What rounding as a rule does: the bound without its safety, and with the errors of layers adding
// up as the root of their number.
Tolerance likely_rounding(const Graph& graph, Engine engine);

// Multiplications of one forward pass, roughly: what it costs. All shapes must be known.
double work_of(const Graph& graph);

}  // namespace ckpt
