#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "dups/finding.h"
#include "scope/variable_store.h"

// Checkpoints with mistakes whose answers are known. Names come from the project's own scope
// engine, by making the mistake; values from its initializers and a training that moves them as
// real training was measured to.

enum class LayerStyle { kUnnamed, kContrib, kNamedScopes, kPlain };
enum class Optimizer { kAdam, kMomentum, kNone };

// What a generated network is like. Drawn by draw_style().
struct Style {
  LayerStyle layers = LayerStyle::kUnnamed;
  Optimizer optimizer = Optimizer::kAdam;
  int net = 0;  // 0 dense, 1 convolutional with batch normalization, 2 recurrent
  std::int64_t width = 32;
  std::string initializer = "glorot_uniform";
  std::string scope = {};  // around all of it; may be empty
  double growth = 2;       // how much wider than at first trained kernels get
};
std::string describe(const Style& style);
Style draw_style(std::mt19937_64& rng);

// A mistake and what should be said of it.
struct Label {
  ckpt::FindingCode code;
  std::set<std::string> redundant;  // the variables to drop
  std::set<std::string> live;       // those to keep
  bool has_slots = true;            // without them likely is all that can be said
};
struct Labelled {
  std::string what;
  ckpt::MemoryCheckpoint checkpoint;
  std::vector<Label> labels;  // empty for a legitimate one
};

// A store in the making, and what its variables are.
class Trainee {
 public:
  explicit Trainee(std::uint64_t seed) : rng(seed), seed_(seed) {}

  // Builds the network of a style once, in the current scope: the variables that came of it.
  std::vector<ckpt::Variable*> build(const Style& style);
  // The initializer that a style names, with arguments where it has some.
  static ckpt::Initializer initializer_of(const Style& style);

  void initialize() { store.initialize(seed_); }
  // Moves values as training does.
  void train(const std::vector<ckpt::Variable*>& variables, double growth);
  // Makes slots, and gives them values where `used`.
  void add_slots(const std::vector<ckpt::Variable*>& variables, Optimizer optimizer, bool used);
  ckpt::Variable& scalar(const std::string& name, double value, ckpt::DType dtype);
  // Saves it, with the scalars and slots that were given values.
  ckpt::MemoryCheckpoint save();

  ckpt::VariableStore store;
  std::mt19937_64 rng;

 private:
  void set(ckpt::Variable& variable, const std::vector<double>& values);

  std::uint64_t seed_;
  std::vector<std::function<void()>> after_;  // values of slots, given once all is initialized
};

// One mistake of that class (kGhostTwin, kExactCopy, kRebuiltGraph) on a drawn network.
Labelled make_mistake(ckpt::FindingCode code, std::uint64_t seed);

// A checkpoint in which nothing is wrong, of the kind `kind`, 0 … legitimate_kinds() - 1.
int legitimate_kinds();
Labelled make_legitimate(int kind, std::uint64_t seed);

std::set<std::string> names_of(const std::vector<ckpt::Variable*>& variables);

// Values of a tensor, and a tensor of values rounded to its dtype.
std::vector<double> values_of(const ckpt::Tensor& tensor);
ckpt::Tensor tensor_of(ckpt::DType dtype, const ckpt::Shape& shape,
                       const std::vector<double>& values);
