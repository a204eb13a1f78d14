#include "remap/op.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::array<std::string_view, kOpKindCount> kOpNames{
    "permute", "reshape", "cast", "concat", "stack", "split", "unstack", "copy"};

[[noreturn]] void refuse(const Op& op, std::string_view why) {
  throw Error(Errc::kInvalid, cat(to_string(op), ": ", why));
}

// The axis as a number from 0, which may be `most` itself where a new dimension is put in.
std::int64_t resolve_axis(const Op& op, std::size_t rank, bool is_new) {
  const auto most = static_cast<std::int64_t>(rank) - (is_new ? 0 : 1);
  const std::int64_t axis = op.axis < 0 ? op.axis + most + 1 : op.axis;
  if (axis < 0 || axis > most) {
    refuse(op, cat("the tensor has ", count_of(rank, "dimension"), ", so that there is no axis ",
                   op.axis));
  }
  return axis;
}

Shape permuted(const Op& op, const Shape& shape) {
  if (op.numbers.size() != shape.size()) {
    refuse(op, cat("orders ", count_of(op.numbers.size(), "dimension"), ", the tensor has shape ",
                   to_string(shape)));
  }
  Shape out;
  for (const std::int64_t d : op.numbers) out.push_back(shape[static_cast<std::size_t>(d)]);
  return out;
}

Shape reshaped(Op& op, const Shape& shape) {
  const std::uint64_t elements = num_elements(shape).value_or(0);
  const auto hole = std::ranges::find(op.numbers, -1);
  Shape known = op.numbers;
  if (hole != op.numbers.end()) known.erase(known.begin() + (hole - op.numbers.begin()));
  const auto given = num_elements(known);
  if (!given) refuse(op, "has more than 2^63 elements");
  Shape out = op.numbers;
  if (hole != op.numbers.end()) {
    if (*given == 0 || elements % *given != 0) {
      refuse(op, cat("the ", count_of(elements, "element"), " of shape ", to_string(shape),
                     " cannot be divided into rows of ", *given));
    }
    out[static_cast<std::size_t>(hole - op.numbers.begin())] =
        static_cast<std::int64_t>(elements / *given);
  } else if (*given != elements) {
    refuse(op, cat("has ", count_of(*given, "element"), ", shape ", to_string(shape), " has ",
                   with_commas(elements)));
  }
  op.numbers = out;
  return out;
}

DType cast_type(const Op& op, DType from) {
  if (!is_numeric(from)) refuse(op, cat("a variable of dtype ", name_of(from), " has no numbers"));
  if (class_of(from) == DTypeClass::kComplex && class_of(op.dtype) != DTypeClass::kComplex) {
    refuse(op, cat("would drop the imaginary part of ", name_of(from)));
  }
  return op.dtype;
}

TensorSpec joined(Op& op, std::span<const TensorSpec> specs) {
  const bool is_stack = op.kind == OpKind::kStack;
  TensorSpec out = specs.front();
  op.axis = resolve_axis(op, out.shape.size(), is_stack);
  const auto axis = static_cast<std::size_t>(op.axis);
  if (is_stack) {
    out.shape.insert(out.shape.begin() + op.axis, static_cast<std::int64_t>(specs.size()));
  }
  for (const TensorSpec& spec : specs.subspan(1)) {
    if (spec.dtype != out.dtype) {
      refuse(op, cat("the members have dtypes ", name_of(out.dtype), " and ", name_of(spec.dtype),
                     "; cast them first"));
    }
    bool fits = spec.shape.size() == specs.front().shape.size();
    for (std::size_t d = 0; fits && d < spec.shape.size(); ++d) {
      fits = (d == axis && !is_stack) || spec.shape[d] == specs.front().shape[d];
    }
    if (!fits) {
      refuse(op, cat("shapes ", to_string(specs.front().shape), " and ", to_string(spec.shape),
                     is_stack ? " are not equal" : cat(" differ beside axis ", op.axis)));
    }
    if (!is_stack) {
      const auto sum = checked_add(out.shape[axis], spec.shape[axis]);
      if (!sum) refuse(op, "has more than 2^63 elements");
      out.shape[axis] = *sum;
    }
  }
  return out;
}

std::vector<TensorSpec> divided(Op& op, const TensorSpec& spec, std::size_t targets) {
  if (op.kind == OpKind::kCopy) return std::vector<TensorSpec>(targets, spec);
  op.axis = resolve_axis(op, spec.shape.size(), false);
  const auto axis = static_cast<std::size_t>(op.axis);
  const std::int64_t extent = spec.shape[axis];
  const auto parts = static_cast<std::int64_t>(targets);
  std::vector<TensorSpec> out(targets, spec);
  if (op.kind == OpKind::kUnstack) {
    if (extent != parts) {
      refuse(op, cat("axis ", op.axis, " of shape ", to_string(spec.shape), " has extent ", extent,
                     ", but there are ", count_of(targets, "target")));
    }
    for (TensorSpec& part : out) part.shape.erase(part.shape.begin() + op.axis);
    return out;
  }
  if (op.numbers.empty()) {
    if (extent % parts != 0) {
      refuse(op, cat("extent ", extent, " of axis ", op.axis, " of shape ", to_string(spec.shape),
                     " is no multiple of ", count_of(targets, "target"), "; give the sizes"));
    }
    op.numbers.assign(targets, extent / parts);
  }
  if (op.numbers.size() != targets) {
    refuse(op,
           cat("has ", count_of(op.numbers.size(), "size"), " for ", count_of(targets, "target")));
  }
  std::int64_t sum = 0;
  for (const std::int64_t size : op.numbers) {
    const auto next = checked_add(sum, size);
    if (!next) refuse(op, "the sizes add up to more than 2^63");
    sum = *next;
  }
  if (sum != extent) {
    refuse(op, cat("the sizes add up to ", sum, ", but axis ", op.axis, " of shape ",
                   to_string(spec.shape), " has extent ", extent));
  }
  for (std::size_t i = 0; i < targets; ++i) out[i].shape[axis] = op.numbers[i];
  return out;
}

}  // namespace

std::string_view name_of(OpKind kind) { return kOpNames[static_cast<std::size_t>(kind)]; }

bool is_joining(OpKind kind) { return kind == OpKind::kConcat || kind == OpKind::kStack; }

bool is_dividing(OpKind kind) {
  return kind == OpKind::kSplit || kind == OpKind::kUnstack || kind == OpKind::kCopy;
}

std::string to_string(const Op& op) {
  std::vector<std::string> arguments;
  if (op.kind == OpKind::kCast) arguments.emplace_back(name_of(op.dtype));
  if (is_joining(op.kind) || op.kind == OpKind::kSplit || op.kind == OpKind::kUnstack) {
    arguments.push_back(cat(op.axis));
  }
  for (const std::int64_t number : op.numbers) arguments.push_back(cat(number));
  if (!op.by.empty()) arguments.push_back("by=" + op.by);
  const bool is_bare = op.kind == OpKind::kCopy && arguments.empty();
  return is_bare ? std::string(name_of(op.kind))
                 : cat(name_of(op.kind), "(", join(arguments, ","), ")");
}

std::vector<TensorSpec> specs_after(Op& op, std::span<const TensorSpec> specs,
                                    std::size_t targets) {
  for (const TensorSpec& spec : specs) {
    if (!is_numeric(spec.dtype) && op.kind != OpKind::kCopy) {
      refuse(op, cat("a variable of dtype ", name_of(spec.dtype), " has no numbers"));
    }
  }
  switch (op.kind) {
    case OpKind::kConcat:
    case OpKind::kStack:
      return {joined(op, specs)};
    case OpKind::kSplit:
    case OpKind::kUnstack:
    case OpKind::kCopy:
      return divided(op, specs.front(), targets);
    case OpKind::kPermute:
    case OpKind::kReshape:
    case OpKind::kCast:
      break;
  }
  std::vector<TensorSpec> out(specs.begin(), specs.end());
  const Op original = op;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Op each = original;
    if (op.kind == OpKind::kPermute) out[i].shape = permuted(op, specs[i].shape);
    if (op.kind == OpKind::kReshape) out[i].shape = reshaped(each, specs[i].shape);
    if (op.kind == OpKind::kCast) out[i].dtype = cast_type(op, specs[i].dtype);
    // A -1 that stands for another extent in each member is left to be resolved by each.
    if (i == 0) op = each;
    if (each != op) op = original;
  }
  return out;
}

bool changes_nothing(const Op& op, const TensorSpec& before) {
  switch (op.kind) {
    case OpKind::kPermute: {
      std::vector<std::int64_t> identity(op.numbers.size());
      std::iota(identity.begin(), identity.end(), 0);
      return op.numbers == identity;
    }
    case OpKind::kReshape:
      return op.numbers == before.shape;
    case OpKind::kCast:
      return op.dtype == before.dtype;
    case OpKind::kConcat:
    case OpKind::kStack:
    case OpKind::kSplit:
    case OpKind::kUnstack:
    case OpKind::kCopy:
      break;
  }
  return false;
}

}  // namespace ckpt
