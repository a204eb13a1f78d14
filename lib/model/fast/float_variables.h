#pragma once

#include <functional>
#include <span>
#include <vector>

#include "model/variable_store.h"

namespace ckpt::fast {

// Calls f(first, values) for pieces of a variable in row-major order, as floats. One that is stored
// as the operation takes it goes through memory in pieces; others are converted whole.
// Throws what VariableStore::get() throws. REQUIRES: the variable is there.
void for_each_float(VariableStore& variables, std::size_t variable,
                    const std::function<void(std::size_t first, std::span<const float>)>& f);

// The whole variable.
std::vector<float> floats_of(VariableStore& variables, std::size_t variable);

}  // namespace ckpt::fast
