#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/code_place.h"
#include "scope/variable_store.h"

namespace ckpt {

// The scoping of TensorFlow 1's layers: which scope a layer opens and which variables it asks for.
// No arithmetic. It is what most names in old checkpoints come from, and most mistakes.

// A variable that a layer asks for in its scope.
struct LayerVariable {
  std::string name;
  Shape shape;
  std::optional<Initializer> initializer = {};
  bool trainable = true;
};

struct LayerOptions {
  std::string name = {};                    // of its scope; empty: a numbered default name
  std::optional<VariableScope> scope = {};  // instead of a name: variables lie right in it
  Reuse reuse = Reuse::kFalse;
  std::string origin = {};  // see VariableOptions
};

// A layer object. It chooses its scope when it is first applied, and keeps it: applying the layer
// again gives the same variables.
class Layer {
 public:
  // A layer as the functions tf.layers.dense(...) make one: its name is the name of its scope, so
  // two of one name are one layer where reuse is on, and an error where it is not.
  static Layer functional(VariableStore& store, std::string_view default_name,
                          const LayerOptions& options);

  // A layer as the classes tf.layers.Dense(...) make one: its name is a default name, so the second
  // of one name is numbered, silently.
  static Layer object(VariableStore& store, std::string_view default_name,
                      const LayerOptions& options);

  // Its variables, made at the first call. Throws ScopeError.
  std::vector<Variable*> apply(const std::vector<LayerVariable>& variables,
                               CodePlace at = CodePlace::here());

  // Opens its scope as apply() does, for layers that have others inside. Throws ScopeError.
  ScopeGuard open();

 private:
  Layer(VariableStore& store, std::string base_name, std::optional<VariableScope> scope,
        Reuse reuse, std::string origin)
      : store_(&store),
        base_name_(std::move(base_name)),
        scope_(std::move(scope)),
        reuse_(reuse),
        origin_(std::move(origin)) {}

  VariableStore* store_;
  std::string base_name_;
  std::optional<VariableScope> scope_;
  Reuse reuse_;
  std::string origin_;
  bool built_ = false;
};

// The variables of a layer that has a kernel and a bias.
struct KernelAndBias {
  Variable* kernel = nullptr;
  Variable* bias = nullptr;
};

// tf.layers.dense: "dense", kernel [inputs, units], bias [units].
KernelAndBias dense(VariableStore& store, std::int64_t inputs, std::int64_t units,
                    const LayerOptions& options = {}, CodePlace at = CodePlace::here());

// tf.layers.conv2d: "conv2d", kernel [height, width, in, out], bias [out].
KernelAndBias conv2d(VariableStore& store, const Shape& kernel, const LayerOptions& options = {},
                     CodePlace at = CodePlace::here());

// tf.layers.batch_normalization: gamma, beta, and moving_mean, moving_variance, which are not
// trained; each [units].
std::vector<Variable*> batch_normalization(VariableStore& store, std::int64_t units,
                                           const LayerOptions& options = {},
                                           CodePlace at = CodePlace::here());

// tf.contrib.layers, which call their scopes and variables otherwise.
enum class ContribLayer : std::uint8_t {
  kFullyConnected,
  kConv2d,
  kConv2dTranspose,
  kSeparableConv2d,
  kBatchNorm,
  kLayerNorm,
};
inline constexpr int kContribLayerCount = 6;

// "fully_connected", "Conv", "Conv2d_transpose", "SeparableConv2d", "BatchNorm", "LayerNorm".
std::string_view default_name_of(ContribLayer layer);

// The variables of a contrib layer in its scope: `kernel` is that of "weights" (of
// "depthwise_weights", with "pointwise_weights" [1, 1, in × multiplier, out] for separable
// convolutions, whose last extent `units` is), `units` that of all others.
std::vector<Variable*> contrib_layer(VariableStore& store, ContribLayer layer, const Shape& kernel,
                                     std::int64_t units, const LayerOptions& options = {},
                                     CodePlace at = CodePlace::here());

}  // namespace ckpt
