#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "scope/variable_store.h"

// Networks with names from the project's own scope engine, values from its initializers, and a
// training that moves values as real training was measured to.

enum class LayerStyle { kUnnamed, kContrib, kNamedScopes, kPlain };
enum class Optimizer { kAdam, kMomentum, kRmsProp, kAdagrad, kNone };

// What a generated network is like. Drawn by draw_style().
struct Style {
  LayerStyle layers = LayerStyle::kUnnamed;
  Optimizer optimizer = Optimizer::kAdam;
  int net = 0;  // 0 dense, 1 convolutional with batch normalization, 2 recurrent
  std::int64_t width = 32;
  std::string initializer = "glorot_uniform";
  std::string scope = {};       // around all of it; may be empty
  std::string tower = "tower";  // the default name that kNamedScopes opens for a network
  bool has_head = true;         // the layer behind all others
  double growth = 2;            // how much wider than at first trained kernels get
  bool is_dotted = false;       // exported to a format whose names have dots
};
std::string describe(const Style& style);
Style draw_style(std::mt19937_64& rng);
// The initializer that a style names, with arguments where it has some.
ckpt::Initializer initializer_of(const Style& style);

using Variables = std::vector<ckpt::Variable*>;

// A store in the making, and what its variables are.
class Trainee {
 public:
  explicit Trainee(std::uint64_t seed) : rng(seed), seed_(seed) {}

  // Builds the network of a style once, in the current scope: the variables that came of it.
  Variables build(const Style& style);
  // The same in a scope of that name.
  Variables build_in(const std::string& scope, const Style& style);

  void initialize() { store.initialize(seed_); }
  // Moves values as training does.
  void train(const Variables& variables, double growth);
  // Makes slots, and gives them values where `used`.
  void add_slots(const Variables& variables, Optimizer optimizer, bool used);
  ckpt::Variable& scalar(const std::string& name, double value, ckpt::DType dtype);
  // Saves it, with the scalars and slots that were given values.
  ckpt::MemoryCheckpoint save();

  ckpt::VariableStore store;
  std::mt19937_64 rng;

 private:
  std::uint64_t seed_;
  std::vector<std::function<void()>> after_;  // values of slots, given once all is initialized
};

// All variables of a store that were made so far, or since there were `before`.
Variables variables_since(const ckpt::VariableStore& store, std::size_t before = 0);

void append(Variables& to, const Variables& from);
// Gives each variable the values of its fellow.
void copy_values(const Variables& from, const Variables& to);
// Multiplies each value by about 1 ± `share`.
void drift(std::mt19937_64& rng, const Variables& variables, double share);
void set_values(ckpt::Variable& variable, const std::vector<double>& values);

std::set<std::string> names_of(const Variables& variables);

// Values of a tensor, and a tensor of values rounded to its dtype.
std::vector<double> values_of(const ckpt::Tensor& tensor);
ckpt::Tensor tensor_of(ckpt::DType dtype, const ckpt::Shape& shape,
                       const std::vector<double>& values);

// Drawing by a generator alone, since the standard distributions differ between libraries.
double draw_uniform(std::mt19937_64& rng, double low, double high);
double draw_normal(std::mt19937_64& rng);
bool draw_chance(std::mt19937_64& rng, double share);
template <typename T>
const T& draw_one(std::mt19937_64& rng, const std::vector<T>& items) {
  return items[rng() % items.size()];
}
