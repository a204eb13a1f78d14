#include "remap/tensor_ops.h"

#include <algorithm>
#include <cstring>

#include "remap/cast.h"
#include "remap/tensors/box.h"

namespace ckpt {
namespace {

std::vector<TensorSpec> specs_of(std::span<const Tensor> tensors) {
  std::vector<TensorSpec> specs;
  for (const Tensor& tensor : tensors) specs.push_back({tensor.dtype, tensor.shape});
  return specs;
}

Tensor make(const TensorSpec& spec) {
  return {spec.dtype, spec.shape, Bytes(tensor_bytes(spec.dtype, spec.shape))};
}

// Along `axis`, a tensor is `outer` rows of as many bytes: what concat and split copy.
struct Rows {
  std::size_t outer = 1;
  std::size_t bytes = 0;
};

Rows rows_of(const Tensor& tensor, std::size_t axis) {
  Rows rows;
  for (std::size_t d = 0; d < axis; ++d) rows.outer *= static_cast<std::size_t>(tensor.shape[d]);
  rows.bytes = rows.outer == 0 ? 0 : tensor.bytes.size() / rows.outer;
  return rows;
}

// Copies each row of `part` into the rows of `whole`, or back, `offset` bytes behind their begin.
void copy_rows(Tensor& to, const Tensor& from, std::size_t axis, std::size_t offset, bool joins) {
  const Rows part = rows_of(joins ? from : to, axis);
  const Rows whole = rows_of(joins ? to : from, axis);
  if (part.bytes == 0) return;
  for (std::size_t row = 0; row < whole.outer; ++row) {
    const std::size_t in_whole = row * whole.bytes + offset;
    const std::size_t in_part = row * part.bytes;
    std::memcpy(to.bytes.data() + (joins ? in_whole : in_part),
                from.bytes.data() + (joins ? in_part : in_whole), part.bytes);
  }
}

// concat and stack: with a dimension of 1 put in, a stacked part is one to be concatenated.
Tensor join(std::span<const Tensor> parts, Op op) {
  const std::vector<TensorSpec> specs = specs_of(parts);
  Tensor out = make(specs_after(op, specs, 1)[0]);
  const auto axis = static_cast<std::size_t>(op.axis);
  std::size_t offset = 0;
  for (const Tensor& part : parts) {
    copy_rows(out, part, axis, offset, true);
    offset += rows_of(part, axis).bytes;
  }
  return out;
}

std::vector<Tensor> divide(const Tensor& source, Op op, std::size_t targets) {
  const TensorSpec spec{source.dtype, source.shape};
  std::vector<Tensor> out;
  std::size_t offset = 0;
  for (const TensorSpec& part : specs_after(op, std::span(&spec, 1), targets)) {
    out.push_back(make(part));
    const auto axis = static_cast<std::size_t>(op.axis);
    copy_rows(out.back(), source, axis, offset, false);
    offset += rows_of(out.back(), axis).bytes;
  }
  return out;
}

}  // namespace

Tensor permute(const Tensor& source, std::span<const std::int64_t> order) {
  Op op{OpKind::kPermute, 0, {order.begin(), order.end()}, source.dtype, ""};
  const TensorSpec spec{source.dtype, source.shape};
  Tensor out = make(specs_after(op, std::span(&spec, 1), 1)[0]);
  permute_bytes(source.bytes, source.shape, order, size_of(source.dtype), out.bytes);
  return out;
}

Tensor reshape(Tensor source, const Shape& shape) {
  Op op{OpKind::kReshape, 0, shape, source.dtype, ""};
  const TensorSpec spec{source.dtype, source.shape};
  source.shape = specs_after(op, std::span(&spec, 1), 1)[0].shape;
  return source;
}

Tensor concat(std::span<const Tensor> parts, std::int64_t axis) {
  return join(parts, {OpKind::kConcat, axis, {}, DType::kF32, ""});
}

std::vector<Tensor> split(const Tensor& source, std::int64_t axis,
                          std::span<const std::int64_t> sizes) {
  return divide(source, {OpKind::kSplit, axis, {sizes.begin(), sizes.end()}, DType::kF32, ""},
                sizes.size());
}

Tensor stack(std::span<const Tensor> parts, std::int64_t axis) {
  return join(parts, {OpKind::kStack, axis, {}, DType::kF32, ""});
}

std::vector<Tensor> unstack(const Tensor& source, std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(source.shape.size());
  const std::int64_t at = axis < 0 ? axis + rank : axis;
  const bool is_there = at >= 0 && at < rank;  // else divide() has the sentence
  const std::int64_t extent = is_there ? source.shape[static_cast<std::size_t>(at)] : 1;
  return divide(source, {OpKind::kUnstack, axis, {}, DType::kF32, ""},
                static_cast<std::size_t>(extent));
}

std::vector<Tensor> apply_ops(std::span<const Op> ops, std::vector<Tensor> tensors,
                              std::size_t targets) {
  for (const Op& op : ops) {
    if (is_joining(op.kind)) {
      Tensor joined = join(tensors, op);
      tensors.assign(1, std::move(joined));
    } else if (op.kind == OpKind::kCopy) {
      tensors.assign(targets, Tensor(tensors.front()));
    } else if (is_dividing(op.kind)) {
      tensors = divide(Tensor(std::move(tensors.front())), op, targets);
    } else {
      for (Tensor& tensor : tensors) {
        if (op.kind == OpKind::kPermute) tensor = permute(tensor, op.numbers);
        if (op.kind == OpKind::kReshape) tensor = reshape(std::move(tensor), op.numbers);
        if (op.kind == OpKind::kCast) tensor = cast(tensor, op.dtype);
      }
    }
  }
  return tensors;
}

}  // namespace ckpt
