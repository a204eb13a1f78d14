#include "model/keras/stated_input.h"

namespace ckpt::keras {

std::optional<Value> stated_input(const LayerConfig& layer) {
  const Config config(layer.config);
  for (const char* key : {"batch_shape", "batch_input_shape"}) {
    const Json* shape = config.find(key);
    if (shape == nullptr) continue;
    const bool has_own = config.has("input_dtype");
    Value value{has_own ? parse_dtype(config.text("input_dtype", "")).value_or(DType::kF32)
                        : read_policy(config).compute,
                read_shape(*shape)};
    return value;
  }
  return std::nullopt;
}

std::optional<Value> sequential_input(const Container& model) {
  const Container* container = &model;
  while (container->is_sequential && !container->layers.empty()) {
    const LayerConfig& first = container->layers.front();
    if (first.container == nullptr) {
      const LayerConfig* layer = &first;
      return stated_input(*layer);
    }
    container = first.container.get();
  }
  if (container->is_sequential || container->inputs.size() != 1) return std::nullopt;
  return stated_input(container->layers[container->inputs.front().layer]);
}

}  // namespace ckpt::keras
