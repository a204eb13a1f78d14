#include "verify/accuracy.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/error.h"
#include "core/text.h"
#include "model/array.h"

namespace ckpt {

Accuracy accuracy_of(const Tensor& scores, const Tensor& labels) {
  if (scores.shape.size() != 2 || scores.shape[1] < 2) {
    throw Error(Errc::kInvalid, cat("an accuracy needs an output of shape [N, classes], not ",
                                    to_string(scores.shape)));
  }
  if (labels.shape != Shape{scores.shape[0]}) {
    throw Error(Errc::kInvalid, cat("the labels have the shape ", to_string(labels.shape),
                                    ", not [", scores.shape[0], "], one for each row"));
  }
  const Array rows = from_tensor(scores);
  const Array right = from_tensor(labels);
  const auto classes = static_cast<std::size_t>(scores.shape[1]);
  Accuracy accuracy{0, right.values.size()};
  for (std::size_t i = 0; i < accuracy.all; ++i) {
    const auto row = std::span(rows.values).subspan(i * classes, classes);
    if (std::ranges::any_of(row, [](double x) { return std::isnan(x); })) continue;
    const auto answer = std::ranges::max_element(row) - row.begin();
    if (static_cast<double>(answer) == right.values[i]) ++accuracy.right;
  }
  return accuracy;
}

}  // namespace ckpt
