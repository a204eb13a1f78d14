#pragma once

#include "scope/variable_store.h"

// A variable of one element, where a test is about names only.
inline const ckpt::VariableOptions kOne{.shape = ckpt::Shape{1}};
