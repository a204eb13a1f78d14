#include <algorithm>

#include "remap/planning/draft.h"

namespace ckpt {
namespace {

// How many parts an operation with by= makes of a tensor.
std::size_t count_parts(const Op& op, const TensorSpec& spec) {
  if (op.kind == OpKind::kSplit) return op.numbers.size();
  const auto rank = static_cast<std::int64_t>(spec.shape.size());
  const std::int64_t axis = op.axis < 0 ? op.axis + rank : op.axis;
  const bool is_there = axis >= 0 && axis < rank;
  return is_there ? static_cast<std::size_t>(spec.shape[static_cast<std::size_t>(axis)]) : 1;
}

}  // namespace

ResolvedOps resolve_ops(std::span<const Op> ops, std::vector<TensorSpec> specs,
                        std::size_t targets) {
  ResolvedOps out;
  for (Op op : ops) {
    if (is_dividing(op.kind) && !op.by.empty()) targets = count_parts(op, specs.front());
    std::vector<TensorSpec> after = specs_after(op, specs, targets);
    op.by.clear();
    const bool is_needed =
        after.size() != specs.size() || !std::ranges::all_of(specs, [&](const TensorSpec& spec) {
          return changes_nothing(op, spec);
        });
    if (is_needed) out.ops.push_back(std::move(op));
    specs = std::move(after);
  }
  out.after = std::move(specs);
  return out;
}

}  // namespace ckpt
