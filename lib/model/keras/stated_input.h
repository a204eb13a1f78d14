#pragma once

#include <optional>

#include "model/graph.h"
#include "model/keras/container.h"

namespace ckpt::keras {

// The type and shape that a layer's config says it takes; empty where it says none.
std::optional<Value> stated_input(const LayerConfig& layer);

// The input of a Sequential model: of its first layer, whatever model that is in.
std::optional<Value> sequential_input(const Container& model);

}  // namespace ckpt::keras
