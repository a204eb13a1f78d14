#include "remap/planning/invert_op.h"

#include <algorithm>

#include "core/text.h"
#include "remap/cast.h"

namespace ckpt {

InvertedOp invert_op(const Op& op, std::span<const TensorSpec> before) {
  const auto unknown = [&](std::string_view what) {
    return InvertedOp{
        {}, cat(to_string(op), ": ", what, " known from a file or a receipt only"), true, false};
  };
  const bool alike =
      std::ranges::all_of(before, [&](const TensorSpec& spec) { return spec == before.front(); });
  Op back = op;
  back.numbers.clear();
  switch (op.kind) {
    case OpKind::kPermute:
      back.numbers.resize(op.numbers.size());
      for (std::size_t i = 0; i < op.numbers.size(); ++i) {
        back.numbers[static_cast<std::size_t>(op.numbers[i])] = static_cast<std::int64_t>(i);
      }
      return {back, "", false, false};
    case OpKind::kReshape:
      if (before.empty()) return unknown("the shape before it is");
      if (!alike) return {{}, cat(to_string(op), ": the shapes before it differ"), false, false};
      back.numbers = before.front().shape;
      return {back, "", false, false};
    case OpKind::kCast: {
      if (before.empty()) return unknown("the dtype before it is");
      if (std::ranges::any_of(
              before, [&](const TensorSpec& spec) { return spec.dtype != before.front().dtype; })) {
        return {{}, cat(to_string(op), ": the dtypes before it differ"), false, false};
      }
      back.dtype = before.front().dtype;
      return {back, "", false, !is_lossless_cast(back.dtype, op.dtype)};
    }
    case OpKind::kConcat: {
      if (before.empty()) return unknown("the sizes are");
      back.kind = OpKind::kSplit;
      const auto rank = static_cast<std::int64_t>(before.front().shape.size());
      const auto axis = static_cast<std::size_t>(op.axis < 0 ? op.axis + rank : op.axis);
      for (const TensorSpec& spec : before) back.numbers.push_back(spec.shape[axis]);
      return {back, "", false, false};
    }
    case OpKind::kSplit:
      back.kind = OpKind::kConcat;
      return {back, "", false, false};
    case OpKind::kStack:
      back.kind = OpKind::kUnstack;
      return {back, "", false, false};
    case OpKind::kUnstack:
      back.kind = OpKind::kStack;
      return {back, "", false, false};
    case OpKind::kCopy:
      break;
  }
  return {{}, "copy: the copies would have to become one again", false, false};
}

}  // namespace ckpt
