#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace ckpt {

// What a variable is for, as far as names and shapes tell.
enum class Role : std::uint8_t {
  kVariable,
  kSlot,     // an optimizer's: a moment of a variable, a step count, a power of beta
  kAverage,  // a moving average of a variable, or a helper that takes its bias out
  kOther,    // not numbers: text, compound records
};
inline constexpr int kRoleCount = 4;

// "variable", "slot", "average", "other".
std::string_view name_of(Role role);

// A variable as the functions of this room see it.
struct Leaf {
  std::string_view name;
  const Shape* shape = nullptr;  // never null
};

// The role of each leaf. A slot or average is a name that ends in a known suffix behind the name of
// another variable ("dense/kernel/Adam_1"), of its shape or a scalar; a global of a known optimizer
// ("beta1_power"); or anything under the scopes where Keras and PyTorch keep optimizers.
// "dense_1/Adam" alone, without a "dense_1", is an ordinary variable: a name is no proof.
std::vector<Role> roles_of(std::span<const Leaf> leaves, char separator);

// The name of the variable that a slot or average called `name` belongs to, by suffix alone; empty
// where the name has no such suffix. "train/dense/kernel/Adam" is also tried without leading scopes
// by roles_of(), since an optimizer built inside a scope puts that scope in front.
std::string_view owner_of(std::string_view name, char separator);

// Is `name`, which has role slot or average, a companion of the variable `owner`: its slot, its
// average, or a piece of an optimizer's state that carries its name
// ("optimizer/adam/dense/kernel/m")?
bool is_companion(std::string_view name, std::string_view owner, char separator);

}  // namespace ckpt
