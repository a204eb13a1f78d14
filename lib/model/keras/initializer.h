#pragma once

#include <string_view>

#include "model/keras/config.h"
#include "scope/initializer.h"

namespace ckpt::keras {

// How a layer with that config fills its variable of that role ("kernel", "query_kernel", "gamma"):
// as the config says, else as the role has it by default. An initializer that is not known throws
// Error(kUnsupported) when it makes values, not before: a forward pass needs none.
Initializer initializer_of(const Config& config, std::string_view role);

}  // namespace ckpt::keras
