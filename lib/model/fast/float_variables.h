#pragma once

#include <functional>
#include <span>
#include <vector>

#include "model/variable_loader.h"

namespace ckpt::fast {

// Calls f(first, values) for pieces of a variable in row-major order, as floats. One that is stored
// as the operation takes it goes through memory in pieces; others are converted whole.
// Throws what VariableLoader::get() throws. REQUIRES: the variable is there.
void for_each_float(VariableLoader& variables, std::size_t variable,
                    const std::function<void(std::size_t first, std::span<const float>)>& f);

// The whole variable.
std::vector<float> floats_of(VariableLoader& variables, std::size_t variable);

}  // namespace ckpt::fast
