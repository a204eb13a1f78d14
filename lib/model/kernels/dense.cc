#include "model/kernels/dense.h"

#include <algorithm>
#include <cassert>

namespace ckpt::kernels {
namespace {

// A loop of the sum: its extent, and how far each step goes in the operands.
struct Loop {
  std::size_t extent = 1;
  std::size_t step_a = 0;
  std::size_t step_b = 0;
};

// The elements between two neighbours along the axis called `letter`, and its extent; 0 where the
// operand has no such axis, or one that is repeated.
std::pair<std::size_t, std::size_t> step_of(std::string_view letters, const Shape& shape,
                                            char letter) {
  const std::size_t axis = letters.find(letter);
  if (axis == std::string_view::npos) return {0, 1};
  const AxisView view = view_axis(shape, axis);
  return {view.extent == 1 ? 0 : view.inner, view.extent};
}

}  // namespace

Array dense(const Array& x, const Array& kernel) {
  const auto width = static_cast<std::size_t>(kernel.shape[0]);
  const auto units = static_cast<std::size_t>(kernel.shape[1]);
  Shape shape = x.shape;
  shape.back() = kernel.shape[1];
  Array y = make_array(x.dtype, std::move(shape));
  const std::size_t rows = width == 0 ? 0 : x.values.size() / width;
  for (std::size_t n = 0; n < rows; ++n) {
    double* out = y.values.data() + n * units;
    for (std::size_t i = 0; i < width; ++i) {
      const double value = x.values[n * width + i];
      const double* row = kernel.values.data() + i * units;
      for (std::size_t u = 0; u < units; ++u) out[u] += value * row[u];
    }
  }
  return y;
}

Array einsum(std::string_view equation, const Array& a, const Array& b) {
  const std::size_t comma = equation.find(',');
  const std::size_t arrow = equation.find("->");
  const std::string_view in_a = equation.substr(0, comma);
  const std::string_view in_b = equation.substr(comma + 1, arrow - comma - 1);
  const std::string_view out = equation.substr(arrow + 2);
  assert(in_a.size() == a.shape.size() && in_b.size() == b.shape.size());

  // The result's last letter is the innermost loop, along a row of it; its others are the outer
  // loops, and what is summed over lies between. So each element is summed up in one order.
  const std::size_t outer = out.empty() ? 0 : out.size() - 1;
  std::string letters(out.substr(0, outer));
  for (const char letter : std::string(in_a) + std::string(in_b)) {
    if ((letters + std::string(out)).find(letter) == std::string::npos) letters += letter;
  }
  const auto loop_of = [&](char letter) {
    const auto [step_a, extent_a] = step_of(in_a, a.shape, letter);
    const auto [step_b, extent_b] = step_of(in_b, b.shape, letter);
    return Loop{extent_a == 1 ? extent_b : extent_a, step_a, step_b};
  };
  std::vector<Loop> loops;
  std::size_t sums = 1;  // terms of each of the result's elements
  for (const char letter : letters) {
    loops.push_back(loop_of(letter));
    if (loops.size() > outer) sums *= loops.back().extent;
  }
  Shape shape;
  for (const char letter : out) shape.push_back(static_cast<std::int64_t>(loop_of(letter).extent));
  const Loop row = out.empty() ? Loop{} : loop_of(out.back());
  Array result = make_array(a.dtype, std::move(shape));
  if (sums == 0) return result;
  std::vector<std::size_t> index(loops.size());
  std::size_t at_a = 0;
  std::size_t at_b = 0;
  for (std::size_t at = 0; at < result.values.size(); at += row.extent) {
    double* values = result.values.data() + at;
    for (std::size_t s = 0; s < sums; ++s) {
      const double* x = a.values.data() + at_a;
      const double* y = b.values.data() + at_b;
      for (std::size_t i = 0; i < row.extent; ++i) {
        values[i] += x[i * row.step_a] * y[i * row.step_b];
      }
      for (std::size_t l = loops.size(); l-- > 0;) {  // the next combination of indices
        const Loop& loop = loops[l];
        at_a += loop.step_a;
        at_b += loop.step_b;
        if (++index[l] < loop.extent) break;
        at_a -= loop.step_a * loop.extent;
        at_b -= loop.step_b * loop.extent;
        index[l] = 0;
      }
    }
  }
  return result;
}

}  // namespace ckpt::kernels
