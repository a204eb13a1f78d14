#include "model/keras/layer.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/text.h"
#include "model/keras/initializer.h"
#include "model/kernels/activation.h"
#include "model/ops/op.h"

namespace ckpt::keras {

void VariableMaker::add(Operation& op, std::string role, Shape shape,
                        std::vector<std::string> spelling, Options options) {
  GraphVariable variable;
  variable.name = cat(name_, "/", role);
  variable.dtype = read_policy(*config_).variables;
  variable.shape = std::move(shape);
  variable.initializer =
      options.initializer ? std::move(*options.initializer) : initializer_of(*config_, role);
  variable.reversed = std::move(options.reversed);
  variable.hints = base_;
  variable.hints.keras3_path = cat(base_.keras3_path, "/vars/", next_++);
  variable.hints.spelling = std::move(spelling);
  variable.hints.gates = std::move(options.gates);
  variable.hints.trainable = options.trainable;
  variable.hints.optional = options.optional;
  op.variables.push_back({std::move(role), graph_.variables.size()});
  graph_.variables.push_back(std::move(variable));
}

VariableMaker VariableMaker::inside(const std::string& attribute, const std::string& scope) const {
  VariableHints base = base_;
  base.keras3_path = cat(base.keras3_path, "/", attribute);
  if (!scope.empty()) base.scopes.push_back(scope);
  return VariableMaker(graph_, std::move(base), cat(name_, "/", scope.empty() ? attribute : scope),
                       *config_);
}

const Shape& LayerBuild::input(std::size_t least_rank) const {
  ops::require(!inputs.empty(), "has no input");
  const Shape& shape = inputs.front().shape;
  ops::require(shape.size() >= least_rank, cat("takes a tensor of ", least_rank,
                                               " dimensions at least, not ", describe(shape)));
  return shape;
}

std::int64_t LayerBuild::extent(std::int64_t axis) const {
  const Shape& shape = input(1);
  const std::int64_t extent = shape[ops::axis_of(axis, shape.size())];
  ops::require(extent != kUnknown,
               cat("needs to know extent ", axis, " of its input ", describe(shape)));
  return extent;
}

std::size_t LayerBuild::spatial_dimensions() const {
  for (const char digit : {'1', '2', '3'}) {
    if (class_name.find(std::string(1, digit) + "D") != std::string::npos) {
      return static_cast<std::size_t>(digit - '0');
    }
  }
  return 2;
}

bool LayerBuild::set_channels_first() const {
  const std::string format = config.text("data_format", "channels_last");
  ops::require(format == "channels_last" || format == "channels_first",
               cat("its data_format '", format, "' is not known"));
  const bool first = format == "channels_first";
  if (first) op.attributes.set("channels_first", true);
  return first;
}

void LayerBuild::set_activation(const std::string& key, const std::string& otherwise) const {
  const auto [function, alpha] = read_activation(config.find(key), dialect, otherwise);
  op.attributes.set(key, function);
  if (alpha != 0) op.attributes.set(key + "_alpha", alpha);
}

std::pair<std::string, double> read_activation(const Json* json, Dialect dialect,
                                               const std::string& otherwise) {
  std::string name = otherwise;
  double alpha = 0;
  bool has_alpha = false;
  if (json != nullptr && json->is_string()) {
    name = json->get<std::string>();
  } else if (json != nullptr && json->is_object()) {
    // A layer in the place of a function: {"class_name": "LeakyReLU", "config": {…}}.
    const Config outer(*json);
    name = snake_case(outer.text("class_name", ""));
    if (name == "re_lu") name = "relu";
    if (name == "leaky_re_lu") name = "leaky_relu";
    if (const Json* inner = outer.find("config"); inner != nullptr && inner->is_object()) {
      const Config config(*inner);
      if (name == "relu" && (config.has("max_value") || config.number("negative_slope", 0) != 0 ||
                             config.number("threshold", 0) != 0)) {
        throw Error(Errc::kUnsupported, "a ReLU with parameters as an activation is not supported");
      }
      for (const char* key : {"negative_slope", "alpha"}) {
        if (config.has(key)) {
          alpha = config.number(key, 0);
          has_alpha = true;
        }
      }
      if (name == "leaky_relu" && !has_alpha) {
        alpha = 0.3;
        has_alpha = true;
      }
    }
  } else if (json != nullptr) {
    throw Error(Errc::kInvalid, "its activation is neither a name nor an object");
  }
  if (name == "swish") name = "silu";
  if (name == "hard_swish") name = "hard_silu";
  if (name == "hard_sigmoid" && dialect != Dialect::kThree) name = "hard_sigmoid_2";
  if (!kernels::is_activation(name)) {
    throw Error(Errc::kUnsupported, cat("the activation '", name, "' is not supported"));
  }
  return {name, has_alpha ? alpha : kernels::usual_alpha(name)};
}

std::span<const std::span<const LayerClass>> all_layer_classes() {
  static const std::array kFamilies = {
      core_layers(),      conv_layers(),      pool_layers(),
      norm_layers(),      merge_layers(),     reshaping_layers(),
      recurrent_layers(), attention_layers(), preprocessing_layers()};
  return kFamilies;
}

const LayerClass* find_layer_class(std::string_view name) {
  for (const auto& family : all_layer_classes()) {
    const auto it = std::ranges::find(family, name, &LayerClass::name);
    if (it != family.end()) return &*it;
  }
  return nullptr;
}

}  // namespace ckpt::keras
