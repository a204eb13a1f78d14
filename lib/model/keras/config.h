#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace ckpt::keras {

using Json = nlohmann::json;

// Which Keras wrote a config; it decides what layers mean.
enum class Dialect : std::uint8_t { kOne = 1, kTwo = 2, kThree = 3 };

// The text as JSON, at most 128 levels deep and without a key twice in one object.
// Throws Error(kCorrupt).
Json parse_json(std::string_view text);

// The parameters of a layer. A key that is null counts as missing. Every accessor throws
// Error(kInvalid), naming the key, where the value has another type or is missing without a
// stand-in.
class Config {
 public:
  explicit Config(const Json& object) : object_(object) {}

  [[nodiscard]] const Json* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  [[nodiscard]] double number(std::string_view key, double otherwise) const;
  [[nodiscard]] bool flag(std::string_view key, bool otherwise) const;
  [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise) const;
  // A list of integers, or one that stands for `count` of them; any number of them where `count` is
  // 0. Missing: `count` times `otherwise`.
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key, std::size_t count,
                                                   std::int64_t otherwise) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key) const;
  // A number or a list of them.
  [[nodiscard]] std::vector<double> numbers(std::string_view key, double otherwise) const;

 private:
  const Json& object_;
};

// A shape with nulls for what is unknown. Throws Error(kInvalid) for negative or huge extents.
Shape read_shape(const Json& json);

// The types of a layer's variables and of its arithmetic, by "dtype": a name, or a policy.
struct Policy {
  DType compute = DType::kF32;
  DType variables = DType::kF32;
  bool quantized = false;  // eight-bit weights
};
Policy read_policy(const Config& config);

// A config of Keras 1 with the keys and values of Keras 2.
Json modernized(const Json& config, const std::string& class_name);

// The name by which layers of a class are counted in `.weights.h5`: "Conv2D" → "conv2d",
// "LSTMCell" → "lstm_cell".
std::string snake_case(std::string_view class_name);

}  // namespace ckpt::keras
