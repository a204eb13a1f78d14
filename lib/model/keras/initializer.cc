#include "model/keras/initializer.h"

#include <array>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "scope/initial_values.h"

namespace ckpt::keras {
namespace {

Initializer refused(const std::string& what) {
  return Initializer::function(Initializer::FromShape([what](const Shape&, DType) -> Tensor {
    throw Error(Errc::kUnsupported, cat("its initializer ", what, " is not supported"));
  }));
}

// "kernel" of "query_kernel": what the config calls the variable.
std::string_view word_of(std::string_view role) {
  for (const std::string_view whole : {"depthwise_kernel", "pointwise_kernel", "recurrent_kernel",
                                       "moving_mean", "moving_variance"}) {
    if (role == whole) return role;
  }
  const auto underscore = role.rfind('_');
  return underscore == std::string_view::npos ? role : role.substr(underscore + 1);
}

// "recurrent_kernel" has its "recurrent_initializer", all others the whole word.
std::string key_of(std::string_view word) {
  for (const std::string_view front : {"depthwise", "pointwise", "recurrent"}) {
    if (word == cat(front, "_kernel")) return cat(front, "_initializer");
  }
  return cat(word, "_initializer");
}

Initializer default_of(std::string_view word) {
  if (word == "recurrent_kernel") return Initializer::orthogonal();
  if (word.ends_with("kernel")) return Initializer::glorot_uniform();
  if (word == "embeddings") return Initializer::random_uniform();
  const bool is_one = word == "gamma" || word == "moving_variance" || word == "scale" ||
                      word == "weight" || word == "variance";
  return is_one ? Initializer::ones() : Initializer::zeros();
}

Initializer scaled(const Config& config) {
  const std::string mode = config.text("mode", "fan_in");
  const std::string distribution = config.text("distribution", "truncated_normal");
  const FanMode fan = mode == "fan_in"    ? FanMode::kIn
                      : mode == "fan_out" ? FanMode::kOut
                                          : FanMode::kAverage;
  const Distribution shape = distribution == "uniform" ? Distribution::kUniform
                             : distribution == "untruncated_normal"
                                 ? Distribution::kNormal
                                 : Distribution::kTruncatedNormal;
  return Initializer::variance_scaling(config.number("scale", 1), fan, shape);
}

// By Keras's class or function name, in snake case: "glorot_uniform", "uniform", "random_normal".
Initializer named(const std::string& name, const Config& config) {
  if (name == "zeros" || name == "zero") return Initializer::zeros();
  if (name == "ones" || name == "one") return Initializer::ones();
  if (name == "constant") return Initializer::constant(config.number("value", 0));
  if (name == "random_uniform" || name == "uniform") {
    return Initializer::random_uniform(config.number("minval", -0.05),
                                       config.number("maxval", 0.05));
  }
  if (name == "random_normal" || name == "normal") {
    return Initializer::random_normal(config.number("mean", 0), config.number("stddev", 0.05));
  }
  if (name == "truncated_normal") {
    return Initializer::truncated_normal(config.number("mean", 0), config.number("stddev", 0.05));
  }
  if (name == "variance_scaling") return scaled(config);
  if (name == "lecun_normal" || name == "lecun_uniform") {
    return Initializer::variance_scaling(
        1, FanMode::kIn,
        name == "lecun_uniform" ? Distribution::kUniform : Distribution::kTruncatedNormal);
  }
  if (name == "orthogonal") return Initializer::orthogonal(config.number("gain", 1));
  if (name == "identity") return Initializer::identity(config.number("gain", 1));
  if (auto found = Initializer::parse(name)) return std::move(*found);
  return refused(cat("'", name, "'"));
}

Initializer read(const Json& json) {
  const Json none = Json::object();
  if (json.is_string()) return named(snake_case(json.get<std::string>()), Config(none));
  if (!json.is_object()) return refused(json.dump());
  const Config outer(json);
  const Json* inner = outer.find("config");
  return named(snake_case(outer.text("class_name", "")),
               Config(inner != nullptr && inner->is_object() ? *inner : none));
}

// The bias [4 units] of an LSTM, whose second quarter, the forget gate's, is one.
Initializer forget_bias() {
  return Initializer::function(Initializer::FromShape([](const Shape& shape, DType dtype) {
    const auto quarter = static_cast<std::uint64_t>(shape.back()) / 4;
    return generate(shape, dtype, [=](std::uint64_t i) { return i / quarter == 1 ? 1.0 : 0.0; });
  }));
}

}  // namespace

Initializer initializer_of(const Config& config, std::string_view role) {
  const std::string_view word = word_of(role);
  const Json* given = config.find(key_of(word));
  if (word == "bias" && config.flag("unit_forget_bias", false)) {
    const bool is_zero = given == nullptr || read(*given).make({1}, DType::kF32, 0, "bias") ==
                                                 Initializer::zeros().make({1}, DType::kF32, 0, "");
    return is_zero ? forget_bias()
                   : refused("of a bias whose forget gate begins with one (unit_forget_bias)");
  }
  return given == nullptr ? default_of(word) : read(*given);
}

}  // namespace ckpt::keras
