#include "support/mistakes.h"

#include <cmath>

#include "checkpoint/store_io.h"
#include "core/numbers.h"
#include "core/text.h"
#include "scope/initial_values.h"
#include "scope/layers.h"
#include "scope/rnn_cells.h"
#include "scope/slots.h"

using namespace ckpt;

namespace {

double uniform(std::mt19937_64& rng, double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(rng);
}

double normal(std::mt19937_64& rng) { return std::normal_distribution<double>()(rng); }

template <typename T>
const T& pick(std::mt19937_64& rng, const std::vector<T>& items) {
  return items[std::uniform_int_distribution<std::size_t>(0, items.size() - 1)(rng)];
}

bool chance(std::mt19937_64& rng, double share) { return uniform(rng, 0, 1) < share; }

bool is_moving(const Variable& variable) {
  return variable.name().find("moving_") != std::string::npos;
}

}  // namespace

std::set<std::string> names_of(const std::vector<Variable*>& variables) {
  std::set<std::string> names;
  for (const Variable* variable : variables) names.insert(variable->name());
  return names;
}

std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values(tensor.bytes.size() / size_of(tensor.dtype));
  decode(tensor.dtype, tensor.bytes, values);
  return values;
}

Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<double>& values) {
  if (class_of(dtype) == DTypeClass::kFloat) {
    return generate(shape, dtype, [&](std::uint64_t i) { return values[i]; });
  }
  return fill_with(shape, dtype, values.front());
}

std::string describe(const Style& style) {
  static const char* const kLayers[] = {"unnamed", "contrib", "named scopes", "plain"};
  static const char* const kOptimizers[] = {"adam", "momentum", "no optimizer"};
  static const char* const kNets[] = {"dense", "conv", "recurrent"};
  return cat(kLayers[static_cast<int>(style.layers)], ", ",
             kOptimizers[static_cast<int>(style.optimizer)], ", ", kNets[style.net], ", width ",
             style.width, ", ", style.initializer, ", growth ", style.growth, ", scope '",
             style.scope, "'");
}

Style draw_style(std::mt19937_64& rng) {
  Style style;
  style.layers =
      pick<LayerStyle>(rng, {LayerStyle::kUnnamed, LayerStyle::kUnnamed, LayerStyle::kContrib,
                             LayerStyle::kNamedScopes, LayerStyle::kPlain});
  style.optimizer =
      pick<Optimizer>(rng, {Optimizer::kAdam, Optimizer::kAdam, Optimizer::kMomentum});
  style.net = pick<int>(rng, {0, 0, 1, 2});
  style.width = pick<std::int64_t>(rng, {12, 16, 24, 32, 48, 64});
  style.initializer =
      pick<std::string>(rng, {"glorot_uniform", "glorot_uniform", "glorot_normal", "he_normal",
                              "he_uniform", "truncated_normal 0.1", "truncated_normal 0.02",
                              "random_uniform", "orthogonal", "truncated_normal 0.037"});
  style.scope = pick<std::string>(rng, {"", "", "model", "net/main", "agent"});
  style.growth = std::exp(uniform(rng, std::log(1.3), std::log(8)));
  return style;
}

Initializer Trainee::initializer_of(const Style& style) {
  const auto space = style.initializer.find(' ');
  if (space == std::string::npos) return *Initializer::parse(style.initializer);
  return Initializer::truncated_normal(0, std::stod(style.initializer.substr(space)));
}

std::vector<Variable*> Trainee::build(const Style& style) {
  const std::size_t before = store.variables().size();
  // Not by opening the scope again by its object: that would start its numbers anew.
  store.current_scope().defaults().initializer = initializer_of(style);
  const std::int64_t w = style.width;
  const auto layer = [&](const Shape& kernel, const std::string& name) {
    switch (style.layers) {
      case LayerStyle::kUnnamed:
        if (kernel.size() == 4) {
          conv2d(store, kernel);
        } else {
          dense(store, kernel[0], kernel[1]);
        }
        return;
      case LayerStyle::kContrib: {
        const auto kind =
            kernel.size() == 4 ? ContribLayer::kConv2d : ContribLayer::kFullyConnected;
        const ScopeGuard made = store.open({.default_name = std::string(default_name_of(kind))});
        store.get_variable("weights", {.shape = kernel});
        store.get_variable("biases",
                           {.shape = Shape{kernel.back()}, .initializer = Initializer::zeros()});
        return;
      }
      case LayerStyle::kNamedScopes: {
        const ScopeGuard made = store.open(name);
        store.get_variable("w", {.shape = kernel});
        store.get_variable("b",
                           {.shape = Shape{kernel.back()}, .initializer = Initializer::zeros()});
        return;
      }
      case LayerStyle::kPlain:
        store.make_variable("weights", {.shape = kernel, .initializer = initializer_of(style)});
        store.make_variable("biases",
                            {.shape = Shape{kernel.back()}, .initializer = Initializer::zeros()});
        return;
    }
  };
  const auto body = [&] {
    if (style.net == 2 && style.layers != LayerStyle::kPlain) {
      // A cell opens the default scope "rnn": numbered by whoever calls twice.
      const ScopeGuard rnn = store.open({.default_name = "rnn"});
      multi_rnn_cell(store, w, {w, w});
    }
    if (style.net == 1) {
      layer({3, 3, 3, w}, "conv1");
      if (style.layers == LayerStyle::kUnnamed) batch_normalization(store, w);
      layer({3, 3, w, 2 * w}, "conv2");
      layer({2 * w, 10}, "logits");
    } else {
      layer({3 * w, w}, "hidden1");
      layer({w, w}, "hidden2");
      layer({w, 10}, "logits");
    }
  };
  if (style.layers == LayerStyle::kNamedScopes) {
    const ScopeGuard tower = store.open({.default_name = "tower"});
    body();
  } else {
    body();
  }
  std::vector<Variable*> made;
  for (std::size_t i = before; i < store.variables().size(); ++i) {
    made.push_back(store.variables()[i].get());
  }
  return made;
}

void Trainee::set(Variable& variable, const std::vector<double>& values) {
  variable.assign(tensor_of(variable.dtype(), variable.shape(), values));
}

void Trainee::train(const std::vector<Variable*>& variables, double growth) {
  for (Variable* variable : variables) {
    std::vector<double> values = values_of(variable->value());
    if (variable->shape().size() < 2) {
      const double spread = uniform(rng, 0.02, 0.3);
      const bool is_variance = variable->name().find("variance") != std::string::npos;
      for (double& value : values) {
        value =
            is_variance ? std::exp(normal(rng) * spread * 4) * 0.3 : value + normal(rng) * spread;
      }
      set(*variable, values);
      continue;
    }
    // A few directions grow, everything else shivers.
    double deviation = 0;
    for (const double value : values) deviation += value * value;
    deviation = std::sqrt(deviation / static_cast<double>(values.size()));
    const auto columns = static_cast<std::size_t>(variable->shape().back());
    const std::size_t rows = values.size() / columns;
    const int rank = 3;
    const double size = deviation * std::sqrt((growth * growth - 1) / rank);
    for (int r = 0; r < rank; ++r) {
      std::vector<double> u(rows);
      std::vector<double> v(columns);
      for (double& x : u) x = normal(rng);
      for (double& x : v) x = normal(rng);
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += size * u[i / columns] * v[i % columns];
      }
    }
    for (double& value : values) value += normal(rng) * deviation * 0.1;
    set(*variable, values);
  }
}

void Trainee::add_slots(const std::vector<Variable*>& variables, Optimizer optimizer, bool used) {
  std::vector<Variable*> owners;
  for (Variable* variable : variables) {
    if (variable->trainable() && !is_moving(*variable)) owners.push_back(variable);
  }
  std::vector<Variable*> slots;
  if (optimizer == Optimizer::kNone || owners.empty()) return;
  if (optimizer == Optimizer::kMomentum) {
    slots = momentum_slots(store, owners);
  } else {
    const AdamSlots adam = adam_slots(store, owners);
    slots = adam.first_moments;
    slots.insert(slots.end(), adam.second_moments.begin(), adam.second_moments.end());
    const double step = used ? uniform(rng, 50, 600) : 0;
    after_.emplace_back([this, adam, step] {
      set(*adam.beta1_power, {std::pow(0.9, step + 1)});
      set(*adam.beta2_power, {std::pow(0.999, step + 1)});
    });
  }
  if (!used) return;
  after_.emplace_back([this, slots] {
    for (Variable* slot : slots) {
      std::vector<double> values = values_of(slot->value());
      for (double& value : values) value = normal(rng) * 1e-3;
      set(*slot, values);
    }
  });
}

Variable& Trainee::scalar(const std::string& name, double value, DType dtype) {
  Variable& variable = store.make_variable(
      name,
      {.shape = Shape{}, .dtype = dtype, .initializer = Initializer::zeros(), .trainable = false});
  after_.emplace_back(
      [&variable, value] { variable.assign(fill_with({}, variable.dtype(), value)); });
  return variable;
}

MemoryCheckpoint Trainee::save() {
  // Slots were made after the values of the others: they alone have none yet.
  for (const auto& variable : store.variables()) {
    if (!variable->initialized()) variable->initialize(seed_);
  }
  for (const auto& give : after_) give();
  MemoryCheckpoint checkpoint;
  ckpt::save(store, [&](std::vector<VariableSpec> specs) {
    return create_memory(checkpoint, std::move(specs));
  });
  return checkpoint;
}

Labelled make_mistake(FindingCode code, std::uint64_t seed) {
  std::mt19937_64 rng(seed * 7919 + static_cast<std::uint64_t>(code));
  Style style = draw_style(rng);
  Trainee net(rng());
  Labelled out;
  const double steps = std::floor(uniform(rng, 100, 100000));
  std::vector<Variable*> first;
  std::vector<Variable*> second;
  {
    std::optional<NameScopeGuard> names;
    const ScopeGuard scope =
        style.scope.empty() ? net.store.open(net.store.current_scope(), {.reuse = Reuse::kAuto})
                            : net.store.open(style.scope, {.reuse = Reuse::kAuto});
    first = net.build(style);
    second = net.build(style);
  }
  const bool is_swapped = chance(rng, 0.3);  // the graph for training was built second
  if (is_swapped) std::swap(first, second);
  net.initialize();
  const std::set<std::string> live = names_of(first);
  const std::set<std::string> ghost = names_of(second);
  Label label{.code = code, .redundant = ghost, .live = live};
  std::string variant;

  switch (code) {
    case FindingCode::kExactCopy: {
      net.train(first, style.growth);
      for (std::size_t i = 0; i < first.size(); ++i) second[i]->assign(first[i]->value());
      if (chance(rng, 0.5)) {
        net.add_slots(first, style.optimizer, true);
        variant = "slots of one";
      } else {
        label.has_slots = false;
        variant = "no slots";
        // Without slots either is right: the plainer name is kept.
        if (is_swapped) std::swap(label.redundant, label.live);
      }
      break;
    }
    case FindingCode::kRebuiltGraph: {
      net.train(first, style.growth);
      const bool is_fresh = chance(rng, 0.5);
      if (!is_fresh) net.train(second, style.growth);
      variant = is_fresh ? "fresh twin" : "stale twin";
      auto* const early = is_swapped ? &second : &first;
      auto* const late = is_swapped ? &first : &second;
      net.add_slots(*early, style.optimizer, early == &first || !is_fresh);
      net.add_slots(*late, style.optimizer, late == &first || !is_fresh);
      const double other = is_fresh ? 0 : std::floor(steps / 2);
      net.scalar("global_step", early == &first ? steps : other, DType::kI64);
      net.scalar("global_step", late == &first ? steps : other, DType::kI64);
      break;
    }
    default: {
      net.train(first, style.growth);
      net.add_slots(first, style.optimizer, true);
      if (chance(rng, 0.25) && style.optimizer == Optimizer::kMomentum) {
        net.add_slots(second, style.optimizer, false);
        variant = "idle slots";
      }
      net.scalar("global_step", steps, DType::kI64);
      break;
    }
  }
  out.what = cat(name_of(code), " #", seed, ": ", describe(style), is_swapped ? ", swapped" : "",
                 variant.empty() ? "" : ", ", variant);
  out.checkpoint = net.save();
  out.labels.push_back(std::move(label));
  return out;
}
