#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"
#include "remap/op.h"

namespace ckpt {

// The operations of rules on tensors in memory. Each throws Error(kInvalid) where the shapes or
// dtypes do not allow it, with the sentence that a plan has for the same fault. Values are bytes
// here: nothing but cast() looks into them.

// source [n0, n1, …] → [n_order[0], n_order[1], …]
Tensor permute(const Tensor& source, std::span<const std::int64_t> order);

// source → shape; one extent may be -1.
Tensor reshape(Tensor source, const Shape& shape);

// parts [.., m_i, ..] → [.., Σ m_i, ..], along `axis`
Tensor concat(std::span<const Tensor> parts, std::int64_t axis);

// source [.., m, ..] → [.., sizes[i], ..] for each size, along `axis`
std::vector<Tensor> split(const Tensor& source, std::int64_t axis,
                          std::span<const std::int64_t> sizes);

// n parts [a, b] → [n, a, b] for axis 0, [a, n, b] for axis 1
Tensor stack(std::span<const Tensor> parts, std::int64_t axis);

// source [.., n, ..] → n tensors without that dimension
std::vector<Tensor> unstack(const Tensor& source, std::int64_t axis);

// All of `ops`, one after the other, to that many targets.
std::vector<Tensor> apply_ops(std::span<const Op> ops, std::vector<Tensor> tensors,
                              std::size_t targets);

}  // namespace ckpt
