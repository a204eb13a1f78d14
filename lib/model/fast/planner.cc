#include "model/fast/planner.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "model/fast/float_variables.h"
#include "model/ops/op.h"
#include "model/ops/run_node.h"
#include "model/ops/window.h"

namespace ckpt::fast {
namespace {

constexpr float kInfinity = __builtin_inff();

// A function as a kernel has it.
std::optional<Epilogue> epilogue_of(std::string_view function) {
  constexpr Limits kNone{-kInfinity, kInfinity};
  if (function == "linear") return Epilogue{kNone, {}};
  if (function == "relu") return Epilogue{{0, kInfinity}, {}};
  if (function == "relu6") return Epilogue{{0, 6}, {}};
  if (function == "hard_tanh") return Epilogue{{-1, 1}, {}};
  if (function == "sigmoid") return Epilogue{kNone, Function::kSigmoid};
  if (function == "silu") return Epilogue{kNone, Function::kSilu};
  if (function == "hard_sigmoid") return Epilogue{kNone, Function::kHardSigmoid};
  if (function == "hard_silu") return Epilogue{kNone, Function::kHardSilu};
  return std::nullopt;
}

}  // namespace

std::optional<Epilogue> epilogue_of(const Operation& op) {
  const Attributes& a = op.attributes;
  if (op.kind == "activation") return epilogue_of(a.text("activation", "linear"));
  if (op.kind != "relu" || a.number("slope") != 0 || a.number("threshold") != 0) return {};
  const double high = a.number("max_value", static_cast<double>(kInfinity));
  if (high < 0) return {};
  return Epilogue{{0, static_cast<float>(high)}, {}};
}

bool is_over_channels(const Operation& op, const Shape& shape) {
  return ops::axis_of(op.attributes.integer("axis", -1), shape.size()) + 1 == shape.size();
}

bool is_binary(const Operation& op, std::string_view function) {
  return op.kind == "binary" && !op.attributes.has("number") &&
         op.attributes.text("function") == function;
}

Planner::Planner(const Graph& graph, VariableLoader& variables, const Kernels& kernels,
                 std::size_t threads, bool keep_layers)
    : graph_(graph),
      variables_(variables),
      kernels_(kernels),
      threads_(threads),
      readers_(graph.values.size()),
      is_asked_for_(graph.values.size(), false),
      is_there_(graph.values.size(), false) {
  for (const Node& node : graph.nodes) {
    for (const Input& input : node.inputs) readers_[input.value].push_back(&node);
  }
  for (const Port& port : graph.outputs) is_asked_for_[port.value] = true;
  if (keep_layers) {
    for (const LayerOutput& layer : graph.layers) is_asked_for_[layer.value] = true;
  }
  plan_.slot_of.assign(graph.values.size(), Plan::kNone);
}

Plan Planner::plan() {
  for (const Port& port : graph_.inputs) slot_for(port.value);
  for (const Node& node : graph_.nodes) {
    try {
      if (!is_done_[&node]) plan_node(node);
    } catch (const Error& e) {
      throw e.in(cat("layer '", node.name, "'"));
    }
  }
  for (std::size_t value = 0; value < graph_.values.size(); ++value) {
    if (is_asked_for_[value] && has_slot(value)) read_slot(value);
  }
  plan_.memory = place_slots(plan_.slots);
  return std::move(plan_);
}

void Planner::plan_node(const Node& node) {
  static const std::map<std::string_view, Handler> kHandlers = {
      {"conv", &Planner::plan_conv},
      {"depthwise_conv", &Planner::plan_depthwise},
      {"separable_conv", &Planner::plan_separable},
      {"conv_transpose", &Planner::plan_conv_transpose},
      {"dense", &Planner::plan_dense},
      {"max_pool", &Planner::plan_pool},
      {"average_pool", &Planner::plan_pool},
      {"global_average_pool", &Planner::plan_global_pool},
      {"global_max_pool", &Planner::plan_global_pool},
      {"zero_padding", &Planner::plan_padding},
      {"batch_norm", &Planner::plan_batch_norm},
      {"layer_norm", &Planner::plan_layer_norm},
      {"normalization", &Planner::plan_normalization},
      {"rescaling", &Planner::plan_rescaling},
      {"activation", &Planner::plan_activation},
      {"relu", &Planner::plan_activation},
      {"add_layers", &Planner::plan_add},
      {"multiply_layers", &Planner::plan_multiply},
      {"binary", &Planner::plan_binary},
      {"concatenate", &Planner::plan_concatenate},
      {"identity", &Planner::plan_same},
      {"reshape", &Planner::plan_same},
      {"flatten", &Planner::plan_same},
      {"expand_dims", &Planner::plan_same},
      {"squeeze", &Planner::plan_same},
      {"permute", &Planner::plan_permute},
      {"matmul", &Planner::plan_matmul},
      {"einsum_dense", &Planner::plan_einsum_dense},
      {"reverse_embedding", &Planner::plan_reverse_embedding},
  };
  if (gives_floats(node)) {
    // These read no floats.
    if (node.operation.kind == "variable" && plan_variable(node)) return;
    if (node.operation.kind == "embedding" && plan_embedding(node)) return;
  }
  const auto handler = kHandlers.find(node.operation.kind);
  if (handler != kHandlers.end() && is_plain(node) && (this->*handler->second)(node)) return;
  plan_reference(node);
}

void Planner::plan_reference(const Node& node) {
  struct Place {
    std::size_t value, slot;
  };
  std::vector<Place> inputs;
  std::vector<Place> outputs;
  for (const Input& input : node.inputs) {
    inputs.push_back({input.value, has_slot(input.value) ? read_slot(input.value) : Plan::kNone});
  }
  for (const std::size_t output : node.outputs) {
    outputs.push_back({output, slot_for(output)});
  }
  add_step(node, node.name,
           [this_graph = &graph_, variables = &variables_, &node, inputs, outputs](Frame& frame) {
             std::map<std::size_t, Array> read;
             for (const auto& [value, slot] : inputs) {
               if (slot == Plan::kNone || read.contains(value)) continue;
               Array array = make_array(DType::kF32, this_graph->values[value].shape);
               std::copy_n(frame.at(slot), array.values.size(), array.values.begin());
               read.emplace(value, std::move(array));
             }
             std::vector<Array> results = ops::run_node(
                 *this_graph, node, *variables, [&](std::size_t value) -> const Array& {
                   const auto it = read.find(value);
                   return it == read.end() ? frame.others[value] : it->second;
                 });
             for (std::size_t i = 0; i < results.size(); ++i) {
               const auto& [value, slot] = outputs[i];
               if (slot == Plan::kNone) {
                 frame.others[value] = std::move(results[i]);
                 continue;
               }
               std::ranges::transform(results[i].values, frame.at(slot),
                                      [](double x) { return static_cast<float>(x); });
             }
           });
  plan_.steps.back().is_reference = true;
  drop_after(node);
}

void Planner::drop_after(const Node& node) {
  for (const Input& input : node.inputs) {
    if (!has_slot(input.value) && readers_[input.value].back() == &node &&
        !is_asked_for_[input.value]) {
      plan_.steps.back().dropped.push_back(input.value);
    }
  }
}

bool Planner::is_floats(std::size_t value) const {
  return graph_.values[value].dtype == DType::kF32 && elements(value) > 0;
}

bool Planner::gives_floats(const Node& node) const {
  return node.operation.compute == DType::kF32 && node.outputs.size() == 1 &&
         is_floats(node.outputs[0]);
}

bool Planner::is_plain(const Node& node) const {
  return gives_floats(node) && !ops::channels_first(node.operation) && !node.inputs.empty() &&
         std::ranges::all_of(node.inputs, [&](const Input& input) {
           return input.role.empty() && is_floats(input.value);
         });
}

std::optional<std::size_t> Planner::variable(const Operation& op, const char* role) const {
  const auto it = std::ranges::find(op.variables, role, &VariableUse::role);
  if (it == op.variables.end() || !variables_.has(it->variable)) return std::nullopt;
  return it->variable;
}

std::vector<double> Planner::numbers(const Operation& op, const char* role, std::size_t count,
                                     double otherwise) {
  const auto found = variable(op, role);
  if (!found) return std::vector<double>(count, otherwise);
  const std::vector<float> floats = floats_of(variables_, *found);
  return {floats.begin(), floats.end()};
}

const Node* Planner::only_reader(std::size_t value) const {
  return readers_[value].size() == 1 && !is_asked_for_[value] ? readers_[value].front() : nullptr;
}

// γ / √(variance + ε) and what belongs to it, in double precision.
Planner::Scales Planner::batch_norm_of(const Node& node) {
  const Operation& op = node.operation;
  const auto channels = static_cast<std::size_t>(shape(node.outputs[0]).back());
  Scales scales{numbers(op, "moving_mean", channels, 0), numbers(op, "gamma", channels, 1),
                numbers(op, "beta", channels, 0)};
  const std::vector<double> variance = numbers(op, "moving_variance", channels, 1);
  for (std::size_t c = 0; c < channels; ++c) {
    scales.scale[c] /= std::sqrt(variance[c] + op.attributes.number("epsilon"));
  }
  return scales;
}

Planner::Tail Planner::tail_of(const Node& node, bool has_kernel, bool can_add) {
  Tail tail{.output = node.outputs[0], .name = node.name};
  const Attributes& attributes = node.operation.attributes;
  bool is_over = false;
  if (has_kernel) {
    const std::string function = attributes.text("activation", "linear");
    is_over = function != "linear";
    if (const auto epilogue = epilogue_of(function)) {
      tail.epilogue = *epilogue;
    } else {
      tail.slow = kernels::Activation{function, attributes.number("activation_alpha")};
    }
  }
  while (const Node* next = only_reader(tail.output)) {
    const Operation& op = next->operation;
    if (!is_plain(*next)) break;
    if (op.kind == "identity") {
      // What it is when nothing is trained: nothing.
    } else if (is_over) {
      break;
    } else if (op.kind == "batch_norm") {
      if (!has_kernel || !tail.factors.empty() || tail.residual ||
          !is_over_channels(op, shape(tail.output))) {
        break;
      }
      Scales scales = batch_norm_of(*next);
      tail.factors = std::move(scales.scale);
      for (std::size_t c = 0; c < tail.factors.size(); ++c) {
        scales.shift[c] -= scales.mean[c] * tail.factors[c];
      }
      tail.shifts = std::move(scales.shift);
    } else if (op.kind == "add_layers" || is_binary(op, "add")) {
      if (!can_add || tail.residual || next->inputs.size() != 2) break;
      const bool is_first = next->inputs[0].value == tail.output;
      const std::size_t other = next->inputs[is_first ? 1 : 0].value;
      if (!is_there_[other] || shape(other) != shape(tail.output)) break;
      tail.residual = other;
    } else if (const auto epilogue = epilogue_of(op)) {
      tail.epilogue = *epilogue;
      is_over = true;
    } else {
      break;
    }
    tail.output = next->outputs[0];
    tail.name += cat(" + ", next->name);
    is_done_[next] = true;
  }
  return tail;
}

std::size_t Planner::new_slot(std::size_t size) {
  plan_.slots.push_back({size, plan_.steps.size(), plan_.steps.size()});
  return plan_.slots.size() - 1;
}

std::size_t Planner::slot_for(std::size_t value) {
  is_there_[value] = true;
  if (graph_.values[value].dtype != DType::kF32) return Plan::kNone;
  return plan_.slot_of[value] = new_slot(elements(value));
}

bool Planner::has_slot(std::size_t value) const {
  return plan_.slot_of[value] != Plan::kNone || constants_.contains(value);
}

std::size_t Planner::read_slot(std::size_t value) {
  if (plan_.slot_of[value] == Plan::kNone) {
    const std::size_t slot = slot_for(value);
    plan_.slots[slot].first = 0;
    plan_.slots[slot].last = Plan::kNone;
    plan_.constants.push_back({slot, constants_.at(value)});
  }
  const std::size_t slot = plan_.slot_of[value];
  plan_.slots[slot].last = std::max(plan_.slots[slot].last, plan_.steps.size());
  return slot;
}

void Planner::need_scratch(std::size_t floats, std::size_t rows) {
  plan_.scratch_floats = std::max(plan_.scratch_floats, floats);
  plan_.scratch_rows = std::max(plan_.scratch_rows, rows);
}

void Planner::add_step(const Node& node, const std::string& name, std::function<void(Frame&)> run) {
  plan_.steps.push_back({.name = name, .node = &node, .run = std::move(run)});
}

}  // namespace ckpt::fast
