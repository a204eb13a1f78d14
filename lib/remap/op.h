#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace ckpt {

// What an operation of a rule does with the tensors that reach it. The first three work on each
// tensor alone; the joining ones make one of several, the dividing ones several of one.
enum class OpKind : std::uint8_t {
  kPermute,  // permute(3,2,0,1): dimension d of the result is dimension numbers[d] of the source
  kReshape,  // reshape(64,-1): the same elements in row-major order; one extent may be -1
  kCast,     // cast(f16)
  kConcat,   // concat(0): joins along a dimension that is there
  kStack,    // stack(0): joins along a new dimension; of a single tensor its extent is 1
  kSplit,    // split(0) into equal parts, split(0,768,64,64) into parts of these extents
  kUnstack,  // unstack(0): takes a dimension apart and away
  kCopy,     // copy: the same tensor under each of the targets
};
inline constexpr int kOpKindCount = 8;

// One operation. Plain data; which members mean something is said beside each kind.
struct Op {
  OpKind kind = OpKind::kPermute;
  std::int64_t axis = 0;              // of joining and dividing ones; -1 is the last dimension
  std::vector<std::int64_t> numbers;  // a permutation, extents, or the sizes of a split
  DType dtype = DType::kF32;          // of a cast
  // The placeholder that counts the members where one pattern stands for all of them: in
  // "experts.{e:int}.w = experts.w | stack(0, by=e)". Empty where the members are written out.
  std::string by;

  friend bool operator==(const Op&, const Op&) = default;
};

// The type and extents of a tensor, without its values.
struct TensorSpec {
  DType dtype = DType::kF32;
  Shape shape;

  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

// "permute", "reshape", …
std::string_view name_of(OpKind kind);

// Does it make one tensor of several (concat, stack)?
bool is_joining(OpKind kind);

// Does it make several tensors of one (split, unstack, copy)?
bool is_dividing(OpKind kind);

// "split(0,768,64,64)": as a rule has it.
std::string to_string(const Op& op);

// The specs after `op`, of which `targets` are wanted where it divides. `op` itself is resolved:
// a negative axis, a -1 of a reshape and the sizes of an even split become plain numbers, so that
// applying it later needs nothing but the tensors.
// Throws Error(kInvalid) with a sentence about the shapes where it cannot be done.
std::vector<TensorSpec> specs_after(Op& op, std::span<const TensorSpec> specs, std::size_t targets);

// Would it change nothing in a tensor of that spec: a cast to its own type, the identity
// permutation, a reshape to its own shape?
// REQUIRES: `op` is resolved by specs_after().
bool changes_nothing(const Op& op, const TensorSpec& before);

}  // namespace ckpt
