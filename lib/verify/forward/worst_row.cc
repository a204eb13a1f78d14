#include "verify/forward/worst_row.h"

#include <algorithm>

#include "verify/tensor_difference.h"

namespace ckpt {
namespace {

Tensor row_of(const Tensor& tensor, std::size_t row) {
  Tensor out{tensor.dtype, tensor.shape, {}};
  out.shape.front() = 1;
  const std::size_t bytes = tensor.bytes.size() / static_cast<std::size_t>(tensor.shape.front());
  const auto first = tensor.bytes.begin() + static_cast<std::ptrdiff_t>(row * bytes);
  out.bytes.assign(first, first + static_cast<std::ptrdiff_t>(bytes));
  return out;
}

}  // namespace

std::vector<Tensor> worst_row(const Graph& graph, const std::vector<Tensor>& inputs,
                              const Tensor& was, const Tensor& is) {
  const std::int64_t batch = was.shape.empty() ? 0 : was.shape.front();
  const auto is_row_wise = [&](const Shape& shape) {
    return !shape.empty() && shape.front() == batch;
  };
  const auto is_free = [&](const Port& port) {
    const Shape& shape = graph.values[port.value].shape;
    return !shape.empty() && shape.front() == kUnknown;
  };
  const bool is_batch = batch > 1 && was.shape == is.shape && was.dtype == is.dtype &&
                        std::ranges::all_of(inputs, is_row_wise, &Tensor::shape) &&
                        std::ranges::all_of(graph.inputs, is_free);
  if (!is_batch) return inputs;
  std::size_t row = 0;
  double most = -1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(batch); ++i) {
    const double gap = difference_of(row_of(was, i), row_of(is, i)).max_abs;
    if (gap > most) {
      most = gap;
      row = i;
    }
  }
  std::vector<Tensor> out;
  for (const Tensor& input : inputs) out.push_back(row_of(input, row));
  return out;
}

}  // namespace ckpt
