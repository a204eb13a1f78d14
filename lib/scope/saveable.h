#pragma once

#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "scope/variable_store.h"

namespace ckpt {

// What a checkpoint keeps under one name: a variable, or the slices of one.
struct Saveable {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;                   // of the whole
  std::vector<Variable*> parts;  // one that is no slice, or slices by offset
};

// The global variables of a store as a checkpoint has them, sorted by name. The name is that of the
// variable's operation, which differs from its get_variable() name where that was taken; slices go
// by the name of their whole.
// Throws ScopeError(kSaverDup) where two variables have one name and are not slices of one whole.
std::vector<Saveable> saveables_of(const VariableStore& store);

}  // namespace ckpt
