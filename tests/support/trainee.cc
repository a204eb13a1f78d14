#include "support/trainee.h"

#include <cmath>

#include "checkpoint/store_io.h"
#include "core/numbers.h"
#include "core/random.h"
#include "core/text.h"
#include "scope/initial_values.h"
#include "scope/layers.h"
#include "scope/rnn_cells.h"
#include "scope/slots.h"

using namespace ckpt;

namespace {

bool is_moving(const Variable& variable) {
  return variable.name().find("moving_") != std::string::npos;
}

// The slots that an optimizer keeps for each variable, with their first values.
struct Slots {
  Variables variables;
  Variable* beta1_power = nullptr;
  Variable* beta2_power = nullptr;
};

Slots make_slots(VariableStore& store, const Variables& owners, Optimizer optimizer) {
  Slots slots;
  switch (optimizer) {
    case Optimizer::kAdam: {
      const AdamSlots adam = adam_slots(store, owners);
      slots = {adam.first_moments, adam.beta1_power, adam.beta2_power};
      append(slots.variables, adam.second_moments);
      break;
    }
    case Optimizer::kMomentum:
      slots.variables = momentum_slots(store, owners);
      break;
    case Optimizer::kRmsProp:
      for (const Variable* v : owners) {
        slots.variables.push_back(&create_slot(store, *v, "RMSProp", Initializer::ones()));
        slots.variables.push_back(&create_slot(store, *v, "RMSProp"));
      }
      break;
    case Optimizer::kAdagrad:
      for (const Variable* v : owners) {
        slots.variables.push_back(&create_slot(store, *v, "Adagrad", Initializer::constant(0.1)));
      }
      break;
    case Optimizer::kNone:
      break;
  }
  return slots;
}

}  // namespace

double draw_uniform(std::mt19937_64& rng, double low, double high) {
  return low + (high - low) * static_cast<double>(rng() >> 11U) * 0x1p-53;
}

bool draw_chance(std::mt19937_64& rng, double share) { return draw_uniform(rng, 0, 1) < share; }

double draw_normal(std::mt19937_64& rng) {
  return inverse_normal_cdf(draw_uniform(rng, 0x1p-60, 1));
}

Variables variables_since(const VariableStore& store, std::size_t before) {
  Variables made;
  for (std::size_t i = before; i < store.variables().size(); ++i) {
    made.push_back(store.variables()[i].get());
  }
  return made;
}

void append(Variables& to, const Variables& from) { to.insert(to.end(), from.begin(), from.end()); }

void copy_values(const Variables& from, const Variables& to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i]->assign(from[i]->value());
}

void drift(std::mt19937_64& rng, const Variables& variables, double share) {
  for (Variable* v : variables) {
    auto values = values_of(v->value());
    for (double& x : values) x += share * x * draw_normal(rng);
    set_values(*v, values);
  }
}

void set_values(Variable& variable, const std::vector<double>& values) {
  variable.assign(tensor_of(variable.dtype(), variable.shape(), values));
}

std::set<std::string> names_of(const Variables& variables) {
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
  static const char* const kOptimizers[] = {"adam", "momentum", "rmsprop", "adagrad",
                                            "no optimizer"};
  static const char* const kNets[] = {"dense", "conv", "recurrent"};
  return cat(kLayers[static_cast<int>(style.layers)], " ", style.tower, ", ",
             kOptimizers[static_cast<int>(style.optimizer)], ", ", kNets[style.net], ", width ",
             style.width, ", ", style.initializer, ", growth ", style.growth, ", scope '",
             style.scope, "'", style.is_dotted ? ", dotted" : "");
}

Style draw_style(std::mt19937_64& rng) {
  Style style;
  style.layers =
      draw_one<LayerStyle>(rng, {LayerStyle::kUnnamed, LayerStyle::kUnnamed, LayerStyle::kContrib,
                                 LayerStyle::kNamedScopes, LayerStyle::kPlain});
  style.optimizer =
      draw_one<Optimizer>(rng, {Optimizer::kAdam, Optimizer::kAdam, Optimizer::kMomentum,
                                Optimizer::kRmsProp, Optimizer::kAdagrad});
  style.net = draw_one<int>(rng, {0, 0, 1, 2});
  style.width = draw_one<std::int64_t>(rng, {12, 16, 24, 32, 48, 64, 96});
  style.initializer = draw_one<std::string>(
      rng,
      {"glorot_uniform", "glorot_uniform", "glorot_normal", "he_normal", "he_uniform",
       "lecun_normal", "truncated_normal 0.1", "truncated_normal 0.02", "truncated_normal 0.037",
       "random_uniform", "random_normal 0.02", "random_normal 0.1", "orthogonal"});
  style.scope = draw_one<std::string>(rng, {"", "", "model", "net/main", "agent", "Model/V2"});
  style.tower = draw_one<std::string>(rng, {"tower", "Encoder", "actor", "q_network", "resNet"});
  style.growth = std::exp(draw_uniform(rng, std::log(1.3), std::log(8)));
  style.is_dotted = draw_chance(rng, 0.15);
  return style;
}

Initializer initializer_of(const Style& style) {
  if (style.initializer == "lecun_normal") {
    return Initializer::variance_scaling(1, FanMode::kIn, Distribution::kTruncatedNormal);
  }
  const auto space = style.initializer.find(' ');
  if (space == std::string::npos) return *Initializer::parse(style.initializer);
  const double deviation = std::stod(style.initializer.substr(space));
  return style.initializer.starts_with("random_normal")
             ? Initializer::random_normal(0, deviation)
             : Initializer::truncated_normal(0, deviation);
}

Variables Trainee::build_in(const std::string& scope, const Style& style) {
  const ScopeGuard guard = store.open(scope);
  return build(style);
}

Variables Trainee::build(const Style& style) {
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
      if (style.has_head) layer({2 * w, 10}, "logits");
    } else {
      layer({3 * w, w}, "hidden1");
      layer({w, w}, "hidden2");
      if (style.has_head) layer({w, 10}, "logits");
    }
  };
  if (style.layers == LayerStyle::kNamedScopes) {
    const ScopeGuard tower = store.open({.default_name = style.tower});
    body();
  } else {
    body();
  }
  return variables_since(store, before);
}

void Trainee::train(const Variables& variables, double growth) {
  for (Variable* variable : variables) {
    std::vector<double> values = values_of(variable->value());
    if (variable->shape().size() < 2) {
      const double spread = draw_uniform(rng, 0.02, 0.3);
      const bool is_variance = variable->name().find("variance") != std::string::npos;
      for (double& value : values) {
        value = is_variance ? std::exp(draw_normal(rng) * spread * 4) * 0.3
                            : value + draw_normal(rng) * spread;
      }
      set_values(*variable, values);
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
      for (double& x : u) x = draw_normal(rng);
      for (double& x : v) x = draw_normal(rng);
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += size * u[i / columns] * v[i % columns];
      }
    }
    for (double& value : values) value += draw_normal(rng) * deviation * 0.1;
    set_values(*variable, values);
  }
}

void Trainee::add_slots(const Variables& variables, Optimizer optimizer, bool used) {
  Variables owners;
  for (Variable* variable : variables) {
    if (variable->trainable() && !is_moving(*variable)) owners.push_back(variable);
  }
  if (owners.empty()) return;
  const Slots slots = make_slots(store, owners, optimizer);
  if (slots.beta1_power != nullptr) {
    const double step = used ? draw_uniform(rng, 50, 600) : 0;
    after_.emplace_back([slots, step] {
      set_values(*slots.beta1_power, {std::pow(0.9, step + 1)});
      set_values(*slots.beta2_power, {std::pow(0.999, step + 1)});
    });
  }
  if (!used) return;
  after_.emplace_back([this, slots] {
    for (Variable* slot : slots.variables) {
      std::vector<double> values = values_of(slot->value());
      for (double& value : values) value = draw_uniform(rng, -1e-3, 1e-3);
      set_values(*slot, values);
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
