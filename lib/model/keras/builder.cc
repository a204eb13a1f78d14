#include "model/keras/builder.h"

#include <algorithm>
#include <deque>

#include "core/error.h"
#include "core/text.h"
#include "model/keras/stated_input.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

constexpr int kMaxNesting = 40;  // of models; JSON of 128 levels holds no more

// The argument that a structure of the config stands for. `flows` gives the value of a reference.
// Recursion is bounded by the depth of the JSON.
template <typename Find>
Argument read_argument(const Container& container, const Json& json, const Find& find) {
  Argument argument;
  if (const auto reference = read_reference(container, json)) {
    argument.flow = find(*reference);
  } else if (json.is_array()) {
    for (const Json& item : json) argument.items.push_back(read_argument(container, item, find));
  } else {
    argument.constant = &json;
  }
  return argument;
}

// A call of Keras 3, {"args": …, "kwargs": …}, or of Keras 1 and 2: [[layer, call, output, {…}],
// …].
template <typename Find>
Arguments read_arguments(const Container& container, const Json& call, const Find& find) {
  Arguments arguments;
  const auto add_named = [&](const Json& object) {
    for (const auto& [key, value] : object.items()) {
      arguments.named.emplace_back(key, read_argument(container, value, find));
    }
  };
  if (call.is_object()) {
    if (const auto it = call.find("args"); it != call.end() && it->is_array()) {
      for (const Json& item : *it) {
        arguments.positional.push_back(read_argument(container, item, find));
      }
    }
    if (const auto it = call.find("kwargs"); it != call.end() && it->is_object()) add_named(*it);
    return arguments;
  }
  ops::require(call.is_array(), "a call is neither a list nor an object");
  std::vector<const Json*> items;
  if (read_reference(container, call)) {
    items.push_back(&call);
  } else {
    for (const Json& item : call) items.push_back(&item);
  }
  Argument all;
  for (const Json* item : items) {
    all.items.push_back(read_argument(container, *item, find));
    ops::require(all.items.back().flow.has_value(), "a call has something other than tensors");
    if (item->size() > 3 && (*item)[3].is_object()) add_named((*item)[3]);
  }
  if (all.items.size() == 1) all = all.items.front();
  arguments.positional.push_back(std::move(all));
  return arguments;
}

Arguments one_argument(const std::vector<Flow>& flows) {
  Argument argument;
  if (flows.size() == 1) {
    argument.flow = flows.front();
  } else {
    for (const Flow& flow : flows) argument.items.push_back({flow, nullptr, {}});
  }
  return {{std::move(argument)}, {}};
}

// The mask that the call names, or that its input has. Keras 3 writes every mask into the call:
// None there means that there is none, whatever the input has.
std::optional<std::size_t> mask_of(const Arguments& arguments, const std::vector<Flow>& flows) {
  if (const Argument* mask = arguments.find("mask"); mask != nullptr && mask->flow) {
    return mask->flow->value;
  }
  if (arguments.names("mask")) return std::nullopt;
  return flows.empty() ? std::nullopt : flows.front().mask;
}

void add_role(std::vector<Input>& inputs, const std::string& role,
              std::optional<std::size_t> value) {
  const bool is_there = std::ranges::find(inputs, role, &Input::role) != inputs.end();
  if (value && !is_there) inputs.push_back({role, *value});
}

}  // namespace

Place Builder::place_of(const LayerConfig& layer, const Place& parent) const {
  Place place;
  place.path = parent.path.empty() ? layer.name : cat(parent.path, "/", layer.name);
  place.hints = parent.hints;
  place.hints.keras3_path = parent.hints.keras3_path.empty()
                                ? cat("layers/", layer.counter)
                                : cat(parent.hints.keras3_path, "/layers/", layer.counter);
  if (parent.path.empty()) {
    place.hints.layer = layer.name;
  } else {
    place.hints.scopes.push_back(layer.name);
  }
  return place;
}

void Builder::build(const Container& model, const Json& root) {
  Graph& graph = emitter_.graph();
  std::vector<Flow> inputs;
  if (model.is_sequential) {
    auto input = sequential_input(model);
    if (!input && root.contains("build_config") && root["build_config"].is_object()) {
      const Config build(root["build_config"]);
      if (const Json* shape = build.find("input_shape"))
        input = Value{DType::kF32, read_shape(*shape)};
    }
    if (!input || model.layers.empty()) {
      throw Error(Errc::kUnsupported, "the config does not say the shape of the model's input");
    }
    const LayerConfig& first = model.layers.front();
    const std::string name =
        first.class_name == "InputLayer" ? first.name : cat(first.name, "_input");
    inputs.push_back({emitter_.add_input(name, *input), std::nullopt});
  } else {
    for (const Reference& reference : model.inputs) {
      const LayerConfig& layer = model.layers[reference.layer];
      const auto input = stated_input(layer);
      ops::require(input.has_value(), cat("layer '", layer.name, "' is an input without a shape"));
      inputs.push_back({emitter_.add_input(layer.name, *input), std::nullopt});
    }
  }
  const std::vector<Flow> outputs = call_container(model, inputs, Place{}, 0);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool is_named = i < model.output_names.size();
    graph.outputs.push_back(
        {is_named ? model.output_names[i] : cat("output_", i), outputs[i].value});
  }
}

std::vector<Flow> Builder::call_container(const Container& container,
                                          const std::vector<Flow>& inputs, const Place& place,
                                          std::size_t instance) {
  ops::require(++depth_ <= kMaxNesting, "models are nested too deeply");
  std::vector<Flow> outputs = container.is_sequential
                                  ? call_sequential(container, inputs, place, instance)
                                  : call_functional(container, inputs, place, instance);
  --depth_;
  return outputs;
}

std::vector<Flow> Builder::call_sequential(const Container& container,
                                           const std::vector<Flow>& inputs, const Place& place,
                                           std::size_t instance) {
  std::vector<Flow> flows = inputs;
  for (const LayerConfig& layer : container.layers) {
    if (layer.class_name == "InputLayer") continue;
    flows = call_layer(layer, one_argument(flows), place_of(layer, place), instance, true);
  }
  return flows;
}

std::vector<Flow> Builder::call_functional(const Container& container,
                                           const std::vector<Flow>& inputs, const Place& place,
                                           std::size_t instance) {
  const std::string shown = place.path.empty() ? "the model" : cat("model '", place.path, "'");
  ops::require(
      inputs.size() == container.inputs.size(),
      cat(shown, " takes ", count_of(container.inputs.size(), "input"), ", not ", inputs.size()));
  struct Step {
    std::size_t layer = 0;
    std::size_t call = 0;
    std::size_t waits_for = 0;  // references whose layers have not been called yet
  };
  // Calls in the order in which their inputs are there (Kahn). What is left over is in a loop.
  std::vector<Step> steps;
  std::vector<std::vector<std::size_t>> step_of(container.layers.size());  // by layer and call
  std::vector<std::vector<std::vector<Flow>>> results(container.layers.size());
  for (std::size_t l = 0; l < container.layers.size(); ++l) {
    const LayerConfig& layer = container.layers[l];
    const std::size_t calls = layer.class_name == "InputLayer" ? 1 : layer.calls.size();
    results[l].resize(calls);
    for (std::size_t c = 0; c < calls; ++c) {
      step_of[l].push_back(steps.size());
      steps.push_back({l, c, 0});
    }
  }
  const auto call_of = [&](const Reference& reference) {
    const LayerConfig& layer = container.layers[reference.layer];
    const std::size_t call = reference.call - layer.first_call;
    ops::require(reference.call >= layer.first_call && call < results[reference.layer].size(),
                 cat(shown, ": layer '", layer.name, "' has no call ", reference.call));
    return call;
  };
  std::vector<std::vector<std::size_t>> readers(steps.size());
  std::deque<std::size_t> ready;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const LayerConfig& layer = container.layers[steps[s].layer];
    if (layer.class_name == "InputLayer") continue;
    for (const Reference& reference : references_of(container, *layer.calls[steps[s].call])) {
      readers[step_of[reference.layer][call_of(reference)]].push_back(s);
      ++steps[s].waits_for;
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Reference& reference = container.inputs[i];
    results[reference.layer][call_of(reference)] = {inputs[i]};
  }
  for (std::size_t s = 0; s < steps.size(); ++s) {
    if (steps[s].waits_for == 0) ready.push_back(s);
  }
  const auto find = [&](const Reference& reference) {
    const auto& outputs = results[reference.layer][call_of(reference)];
    ops::require(reference.output < outputs.size(),
                 cat(shown, ": layer '", container.layers[reference.layer].name, "' has no output ",
                     reference.output));
    return outputs[reference.output];
  };
  std::size_t done = 0;
  while (!ready.empty()) {
    const std::size_t s = ready.front();
    ready.pop_front();
    ++done;
    const Step& step = steps[s];
    const LayerConfig& layer = container.layers[step.layer];
    auto& result = results[step.layer][step.call];
    if (layer.class_name != "InputLayer" && result.empty()) {
      const Arguments arguments = read_arguments(container, *layer.calls[step.call], find);
      result = call_layer(layer, arguments, place_of(layer, place),
                          instance * layer.calls.size() + step.call, true);
    }
    for (const std::size_t reader : readers[s]) {
      if (--steps[reader].waits_for == 0) ready.push_back(reader);
    }
  }
  if (done != steps.size()) {
    const auto left = std::ranges::find_if(steps, [](const Step& s) { return s.waits_for > 0; });
    throw Error(Errc::kInvalid, cat(shown, ": layer '", container.layers[left->layer].name,
                                    "' waits for its own output"));
  }
  std::vector<Flow> outputs;
  for (const Reference& reference : container.outputs) outputs.push_back(find(reference));
  return outputs;
}

std::vector<Flow> Builder::call_layer(const LayerConfig& layer, const Arguments& arguments,
                                      const Place& place, std::size_t call, bool record) {
  ops::require(++calls_ <= kMaxNodes,
               cat("the model calls its layers more than ", with_commas(kMaxNodes), " times"));
  std::vector<Flow> outputs;
  try {
    if (layer.container != nullptr) {
      std::vector<Flow> inputs;
      for (const Argument& argument : arguments.positional) {
        const auto more = flows_of(argument);
        inputs.insert(inputs.end(), more.begin(), more.end());
      }
      outputs =
          call_container(*layer.container, inputs, place, instances_[layer.container.get()]++);
    } else if (layer.inner != nullptr) {
      outputs = call_wrapper(layer, arguments, place, call);
    } else if (layer.is_op) {
      for (const std::size_t value : emit_op_node(emitter_, layer.class_name, place.path, call,
                                                  Config(layer.config), arguments, dialect_)) {
        outputs.push_back({value, std::nullopt});
      }
    } else {
      outputs = call_plain(layer, arguments, place, call);
    }
  } catch (const Error& error) {
    // The innermost layer says where; models around it add nothing.
    if (layer.container != nullptr || std::string_view(error.what()).starts_with("layer '")) throw;
    throw error.in(cat("layer '", place.path, "' (", layer.class_name, ")"));
  }
  for (std::size_t i = 0; record && i < outputs.size(); ++i) {
    emitter_.graph().layers.push_back({place.path, call, i, outputs[i].value});
  }
  return outputs;
}

// TimeDistributed folds the time into the batch around a layer. SpectralNormalization changes its
// layer's kernel in training alone.
std::vector<Flow> Builder::call_wrapper(const LayerConfig& layer, const Arguments& arguments,
                                        const Place& place, std::size_t call) {
  Place inner = place;
  inner.path = cat(place.path, "/", layer.inner->name);
  inner.hints.keras3_path += "/layer";
  inner.hints.scopes.push_back(layer.inner->name);
  if (layer.class_name == "SpectralNormalization") {
    return call_layer(*layer.inner, arguments, inner, call, false);
  }
  ops::require(!arguments.positional.empty(), "has no input");
  const auto flows = flows_of(arguments.positional.front());
  ops::require(flows.size() == 1, "takes one input");
  Operation fold;
  fold.kind = "fold_time";
  const std::size_t folded = emitter_.add(place.path, call, fold, {{"", flows[0].value}}).front();
  const std::vector<Flow> given =
      call_layer(*layer.inner, one_argument({{folded, std::nullopt}}), inner, call, false);
  std::vector<Flow> outputs;
  for (const Flow& flow : given) {
    Operation unfold;
    unfold.kind = "unfold_time";
    outputs.push_back(
        {emitter_.add(place.path, call, unfold, {{"", flow.value}, {"", flows[0].value}}).front(),
         flows[0].mask});
  }
  return outputs;
}

std::vector<Flow> Builder::call_plain(const LayerConfig& layer, const Arguments& arguments,
                                      const Place& place, std::size_t call) {
  const LayerClass* found = find_layer_class(layer.class_name);
  ops::require(found != nullptr, "is of a class that is not supported");
  const Config config(layer.config);
  std::vector<Flow> flows;
  for (const Argument& argument : arguments.positional) {
    const auto more = flows_of(argument);
    flows.insert(flows.end(), more.begin(), more.end());
  }
  for (const char* key : {"inputs", "query", "value", "key"}) {
    if (const Argument* argument = arguments.find(key)) {
      const auto more = flows_of(*argument);
      flows.insert(flows.end(), more.begin(), more.end());
    }
  }
  ops::require(!flows.empty(), "is called without an input");

  // What is no plain input: states and masks.
  std::vector<Input> inputs;
  std::vector<Flow> states;
  if (found->mask == MaskUse::kSequence) {
    states.assign(flows.begin() + 1, flows.end());
    flows.resize(1);
    if (const Argument* initial = arguments.find("initial_state")) states = flows_of(*initial);
  }
  std::vector<Value> types;
  for (const Flow& flow : flows) {
    inputs.push_back({"", flow.value});
    types.push_back(emitter_.value(flow.value));
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    inputs.push_back({cat("initial_state_", i), states[i].value});
  }
  std::optional<std::size_t> mask;
  switch (found->mask) {
    case MaskUse::kStops:
      break;
    case MaskUse::kPasses:
      mask = flows.front().mask;
      for (const Flow& flow : flows) {
        if (flow.mask != mask) mask.reset();
      }
      if (layer.class_name == "Softmax" && arguments.find("mask") != nullptr) {
        add_role(inputs, "mask", mask_of(arguments, {}));
      }
      break;
    case MaskUse::kSequence:
    case MaskUse::kReads:
      mask = mask_of(arguments, flows);
      add_role(inputs, "mask", mask);
      break;
    case MaskUse::kAttends: {
      for (const char* role : {"attention_mask", "query_mask", "value_mask", "key_mask"}) {
        if (const Argument* given = arguments.find(role); given != nullptr && given->flow) {
          add_role(inputs, role, given->flow->value);
        }
      }
      if (const Argument* given = arguments.find("mask")) {
        const auto masks = flows_of(*given);
        if (!masks.empty()) add_role(inputs, "query_mask", masks[0].value);
        if (masks.size() > 1) add_role(inputs, "value_mask", masks[1].value);
      }
      add_role(inputs, "query_mask", flows[0].mask);
      if (flows.size() > 1) add_role(inputs, "value_mask", flows[1].mask);
      if (flows.size() > 2 && layer.class_name.find("Head") != std::string::npos) {
        add_role(inputs, "key_mask", flows[2].mask);
      }
      mask = flows[0].mask;
      break;
    }
  }

  Built& built = built_[&layer];
  if (built.calls++ == 0) {
    built.op.compute = read_policy(config).compute;
    VariableMaker make(emitter_.graph(), place.hints, place.path, config);
    found->build({layer.class_name, config, dialect_, backend_, types, built.op, make});
    if (class_of(built.op.compute) == DTypeClass::kFloat) built.op.attributes.set("autocast", true);
  }
  Operation op = built.op;
  const auto says = [&](const char* key) {
    const Argument* argument = arguments.find(key);
    return argument != nullptr && argument->constant != nullptr &&
           argument->constant->is_boolean() && argument->constant->get<bool>();
  };
  if (says("use_causal_mask")) op.attributes.set("causal", true);
  if (says("return_attention_scores")) op.attributes.set("return_scores", true);
  if (says("reverse")) {
    op.kind = "reverse_embedding";
    if (config.has("logit_soft_cap")) {
      op.attributes.set("soft_cap", config.number("logit_soft_cap", 0));
    }
  }
  if (says("training")) {
    emitter_.graph().notes.push_back(
        cat("layer '", place.path, "' is called with training=True; it is run as in inference"));
  }
  const std::vector<std::size_t> values = emitter_.add(place.path, call, std::move(op), inputs);
  std::vector<Flow> outputs;
  for (const std::size_t value : values) outputs.push_back({value, std::nullopt});

  // Masks of the outputs.
  if (found->mask == MaskUse::kPasses || found->mask == MaskUse::kAttends) {
    outputs.front().mask = mask;
  } else if (found->mask == MaskUse::kSequence && config.flag("return_sequences", false)) {
    outputs.front().mask = mask;
  } else if (layer.class_name == "Masking") {
    outputs.front().mask = outputs.back().value;
    outputs.pop_back();
  } else if (layer.class_name == "Embedding" && config.flag("mask_zero", false)) {
    Operation test;
    test.kind = "binary";
    test.compute = types.front().dtype;
    test.attributes.set("function", std::string("not_equal"));
    test.attributes.set("number", 0.0);
    outputs.front().mask =
        emitter_.add(cat(place.path, "/mask"), call, test, {inputs.front()}).front();
  }
  return outputs;
}

}  // namespace ckpt::keras
