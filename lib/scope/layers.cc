#include "scope/layers.h"

#include <array>
#include <cassert>

namespace ckpt {
namespace {

KernelAndBias kernel_and_bias(VariableStore& store, std::string_view default_name,
                              const Shape& kernel, const LayerOptions& options, CodePlace at) {
  Layer layer = Layer::functional(store, default_name, options);
  const std::vector<Variable*> made =
      layer.apply({{.name = "kernel", .shape = kernel},
                   {.name = "bias", .shape = {kernel.back()}, .initializer = Initializer::zeros()}},
                  at);
  return {made[0], made[1]};
}

}  // namespace

Layer Layer::functional(VariableStore& store, std::string_view default_name,
                        const LayerOptions& options) {
  std::optional<VariableScope> scope;
  if (options.scope) {
    scope = store.open(*options.scope).scope();
  } else if (!options.name.empty()) {
    scope = store.open(options.name).scope();
  }
  return {store, std::string(default_name), std::move(scope), options.reuse, options.origin};
}

Layer Layer::object(VariableStore& store, std::string_view default_name,
                    const LayerOptions& options) {
  const std::string base_name = options.name.empty() ? std::string(default_name) : options.name;
  return {store, base_name, options.scope, options.reuse, options.origin};
}

ScopeGuard Layer::open() {
  if (!scope_) {
    // With reuse the name is taken as it is; without, it is the first that is free.
    scope_ = reuse_ != Reuse::kFalse ? store_->open(base_name_).scope()
                                     : store_->open({.default_name = base_name_}).scope();
  }
  return store_->open(*scope_,
                      {.reuse = built_ ? Reuse::kTrue : reuse_, .auxiliary_name_scope = false});
}

std::vector<Variable*> Layer::apply(const std::vector<LayerVariable>& variables, CodePlace at) {
  const ScopeGuard scope = open();
  std::vector<Variable*> out;
  for (const LayerVariable& variable : variables) {
    out.push_back(&store_->get_variable(variable.name,
                                        {.shape = variable.shape,
                                         .initializer = variable.initializer,
                                         .trainable = variable.trainable,
                                         .origin = origin_},
                                        at));
  }
  built_ = true;
  return out;
}

KernelAndBias dense(VariableStore& store, std::int64_t inputs, std::int64_t units,
                    const LayerOptions& options, CodePlace at) {
  return kernel_and_bias(store, "dense", {inputs, units}, options, at);
}

KernelAndBias conv2d(VariableStore& store, const Shape& kernel, const LayerOptions& options,
                     CodePlace at) {
  assert(kernel.size() == 4);
  return kernel_and_bias(store, "conv2d", kernel, options, at);
}

std::vector<Variable*> batch_normalization(VariableStore& store, std::int64_t units,
                                           const LayerOptions& options, CodePlace at) {
  Layer layer = Layer::functional(store, "batch_normalization", options);
  return layer.apply({{.name = "gamma", .shape = {units}, .initializer = Initializer::ones()},
                      {.name = "beta", .shape = {units}, .initializer = Initializer::zeros()},
                      {.name = "moving_mean",
                       .shape = {units},
                       .initializer = Initializer::zeros(),
                       .trainable = false},
                      {.name = "moving_variance",
                       .shape = {units},
                       .initializer = Initializer::ones(),
                       .trainable = false}},
                     at);
}

std::string_view default_name_of(ContribLayer layer) {
  static constexpr std::array<std::string_view, 6> kNames{
      "fully_connected", "Conv", "Conv2d_transpose", "SeparableConv2d", "BatchNorm", "LayerNorm"};
  static_assert(kNames.size() == kContribLayerCount);
  return kNames[static_cast<std::size_t>(layer)];
}

std::vector<Variable*> contrib_layer(VariableStore& store, ContribLayer layer, const Shape& kernel,
                                     std::int64_t units, const LayerOptions& options,
                                     CodePlace at) {
  // A contrib layer opens its scope itself, once, and its variables lie right in it.
  const ScopeOptions reuse{.reuse = options.reuse};
  const ScopeGuard scope = options.scope ? store.open(*options.scope, reuse)
                           : !options.name.empty()
                               ? store.open(options.name, reuse)
                               : store.open({.default_name = std::string(default_name_of(layer)),
                                             .reuse = options.reuse});
  const auto get = [&](std::string_view name, const Shape& shape, Initializer initializer,
                       bool trainable = true) {
    return &store.get_variable(name,
                               {.shape = shape,
                                .initializer = std::move(initializer),
                                .trainable = trainable,
                                .origin = options.origin},
                               at);
  };
  switch (layer) {
    case ContribLayer::kFullyConnected:
    case ContribLayer::kConv2d:
    case ContribLayer::kConv2dTranspose:
      return {get("weights", kernel, Initializer::glorot_uniform()),
              get("biases", {units}, Initializer::zeros())};
    case ContribLayer::kSeparableConv2d: {
      assert(kernel.size() == 4);
      return {get("depthwise_weights", kernel, Initializer::glorot_uniform()),
              get("pointwise_weights", {1, 1, kernel[2] * kernel[3], units},
                  Initializer::glorot_uniform()),
              get("biases", {units}, Initializer::zeros())};
    }
    case ContribLayer::kBatchNorm:
      return {get("beta", {units}, Initializer::zeros()),
              get("gamma", {units}, Initializer::ones()),
              get("moving_mean", {units}, Initializer::zeros(), false),
              get("moving_variance", {units}, Initializer::ones(), false)};
    case ContribLayer::kLayerNorm:
      return {get("beta", {units}, Initializer::zeros()),
              get("gamma", {units}, Initializer::ones())};
  }
  return {};
}

}  // namespace ckpt
