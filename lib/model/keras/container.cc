#include "model/keras/container.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/graph.h"
#include "model/keras.h"
#include "model/keras/layer.h"
#include "model/keras/op_nodes.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

constexpr std::size_t kMaxPath = 4096;  // in bytes; nodes and variables have it many times

const Json* member(const Json& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto it = json.find(key);
  return it == json.end() || it->is_null() ? nullptr : &*it;
}

std::string text_of(const Json& json, const char* key) {
  const Json* value = member(json, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// What `.weights.h5` counts a layer by: its class in Python, which two configs call otherwise.
std::string counted_name(const std::string& class_name) {
  if (class_name == "Model") return "functional";
  if (class_name == "GroupQueryAttention") return "grouped_query_attention";
  return snake_case(class_name);
}

bool is_wrapper(std::string_view class_name) {
  return class_name == "TimeDistributed" || class_name == "SpectralNormalization";
}

[[noreturn]] void refuse_class(const std::string& class_name, const std::string& path) {
  std::string why;
  if (class_name == "Lambda" || class_name == "TFOpLambda" || class_name == "SlicingOpLambda") {
    why = " (it is code, which is never run)";
  }
  const auto known = keras_layer_classes();
  throw Error(Errc::kUnsupported,
              cat("layer '", path, "': the class '", class_name, "' is not supported", why,
                  did_you_mean(nearest(class_name, known)), "; supported are ", join(known, ", ")));
}

// Is it an operation of keras.ops rather than a layer? Keras 3 says so by its module, which it
// leaves out in a legacy .h5; there the config tells, since a layer's never lacks these two.
bool is_op_node(const Json& json, const Json& config, Dialect dialect) {
  const std::string module = text_of(json, "module");
  if (!module.empty() || dialect != Dialect::kThree)
    return module.find(".ops") != std::string::npos;
  if (config.contains("trainable") || config.contains("dtype")) return false;
  const auto known = op_node_classes();
  return std::ranges::find(known, text_of(json, "class_name")) != known.end();
}

LayerConfig read_layer(const Json& json, Dialect dialect, const std::string& parent) {
  LayerConfig layer;
  layer.class_name = text_of(json, "class_name");
  const Json* config = member(json, "config");
  ops::require(!layer.class_name.empty() && config != nullptr,
               cat(parent, ": a layer has no class_name or no config"));
  layer.name = text_of(json, "name");
  if (layer.name.empty()) layer.name = text_of(*config, "name");
  if (layer.name.empty()) layer.name = snake_case(layer.class_name);
  const std::string path = parent.empty() ? layer.name : cat(parent, "/", layer.name);
  ops::require(path.size() <= kMaxPath,
               cat("the name of a layer, with the models around it, has ", path.size(), " bytes"));
  // Custom classes are registered as "package>Class"; they may be called like one of Keras's own.
  const std::string registered = text_of(json, "registered_name");
  if (registered.find('>') != std::string::npos && !registered.starts_with("keras")) {
    refuse_class(registered, path);
  }
  layer.is_op = is_op_node(json, *config, dialect);
  if (is_model_class(layer.class_name)) {
    layer.container = std::make_unique<Container>(read_container(json, dialect, path));
  } else {
    layer.config = dialect == Dialect::kOne ? modernized(*config, layer.class_name) : *config;
    if (is_wrapper(layer.class_name)) {
      const Json* inner = member(*config, "layer");
      ops::require(inner != nullptr, cat("layer '", path, "' wraps no layer"));
      layer.inner = std::make_unique<LayerConfig>(read_layer(*inner, dialect, path));
    } else if (!layer.is_op && layer.class_name != "InputLayer" &&
               find_layer_class(layer.class_name) == nullptr) {
      refuse_class(layer.class_name, path);
    }
  }
  if (const Json* calls = member(json, "inbound_nodes")) {
    ops::require(calls->is_array(), cat("layer '", path, "': its inbound_nodes are no list"));
    for (const Json& call : *calls) layer.calls.push_back(&call);
  }
  return layer;
}

// The number by which the config calls a layer's first call. Keras 3 counts the calls of a
// Functional model from 1, Keras 1 and 2 those of every model, since the model itself is one; but
// tf.keras does not where the model was built without inputs. The references themselves decide.
void number_calls(Container& container, const std::vector<Reference>& references, Dialect dialect) {
  std::vector<std::size_t> low(container.layers.size(), SIZE_MAX);
  std::vector<std::size_t> high(container.layers.size(), 0);
  for (const Reference& reference : references) {
    low[reference.layer] = std::min(low[reference.layer], reference.call);
    high[reference.layer] = std::max(high[reference.layer], reference.call);
  }
  for (std::size_t i = 0; i < container.layers.size(); ++i) {
    LayerConfig& layer = container.layers[i];
    if (layer.container == nullptr) continue;
    const bool usual = dialect != Dialect::kThree || !layer.container->is_sequential;
    layer.first_call = usual ? 1 : 0;
    if (low[i] == SIZE_MAX) continue;
    if (low[i] < layer.first_call) layer.first_call = 0;
    if (high[i] >= layer.calls.size() + layer.first_call) layer.first_call = 1;
  }
}

// References in a structure of lists and objects; an object's keys are the names.
void read_ports(const Container& container, const Json* json, std::vector<Reference>& ports,
                std::vector<std::string>& names, const std::string& path) {
  if (json == nullptr) return;
  std::vector<std::pair<const Json*, std::string>> open{{json, ""}};
  while (!open.empty()) {
    const auto [top, name] = open.back();
    open.pop_back();
    if (const auto reference = read_reference(container, *top)) {
      ports.push_back(*reference);
      names.push_back(name);
    } else if (top->is_array()) {
      for (std::size_t i = top->size(); i-- > 0;) open.emplace_back(&(*top)[i], "");
    } else if (top->is_object()) {
      std::vector<std::pair<const Json*, std::string>> items;
      for (const auto& [key, value] : top->items()) items.emplace_back(&value, key);
      open.insert(open.end(), items.rbegin(), items.rend());
    } else {
      throw Error(Errc::kInvalid, cat(path, ": an input or output names no layer of the model"));
    }
  }
}

}  // namespace

bool is_model_class(std::string_view class_name) {
  return class_name == "Sequential" || class_name == "Functional" || class_name == "Model";
}

std::optional<Reference> read_reference(const Container& container, const Json& json) {
  const Json* history = &json;
  if (json.is_object()) {
    if (text_of(json, "class_name") != "__keras_tensor__") return std::nullopt;
    const Json* config = member(json, "config");
    history = config == nullptr ? nullptr : member(*config, "keras_history");
  }
  const bool fits = history != nullptr && history->is_array() && history->size() >= 3 &&
                    (*history)[0].is_string() && (*history)[1].is_number_unsigned() &&
                    (*history)[2].is_number_unsigned();
  if (!fits) return std::nullopt;
  const auto it = container.by_name.find((*history)[0].get<std::string>());
  ops::require(it != container.by_name.end(),
               cat("the layer '", (*history)[0].get<std::string>(), "' is not in the model"));
  return Reference{it->second, (*history)[1].get<std::size_t>(), (*history)[2].get<std::size_t>()};
}

std::vector<Reference> references_of(const Container& container, const Json& call) {
  std::vector<Reference> found;
  std::vector<const Json*> open{&call};
  while (!open.empty()) {
    const Json* top = open.back();
    open.pop_back();
    if (const auto reference = read_reference(container, *top)) {
      found.push_back(*reference);
      if (top->is_object()) continue;
      // [layer, call, output, {arguments}]
      for (std::size_t i = 3; i < top->size(); ++i) open.push_back(&(*top)[i]);
    } else if (top->is_structured()) {
      for (const Json& item : *top) open.push_back(&item);
    }
  }
  return found;
}

Container read_container(const Json& json, Dialect dialect, const std::string& path) {
  const Json* config = member(json, "config");
  const std::string class_name = text_of(json, "class_name");
  const std::string shown = path.empty() ? "the model" : cat("model '", path, "'");
  if (!is_model_class(class_name)) {
    throw Error(Errc::kUnsupported, cat(shown, ": the class '", class_name,
                                        "' is neither Sequential nor Functional nor Model"));
  }
  ops::require(config != nullptr, cat(shown, " has no config"));
  Container container;
  container.is_sequential = class_name == "Sequential";
  const Json* layers = config->is_array() ? config : member(*config, "layers");
  ops::require(layers != nullptr && layers->is_array(), cat(shown, " has no layers"));
  ops::require(layers->size() <= kMaxNodes,
               cat(shown, " has more than ", with_commas(kMaxNodes), " layers"));
  std::map<std::string, std::size_t> counts;
  for (const Json& item : *layers) {
    LayerConfig layer = read_layer(item, dialect, path);
    if (layer.class_name != "InputLayer") {
      const std::string base = counted_name(layer.class_name);
      const std::size_t number = counts[base]++;
      layer.counter = number == 0 ? base : cat(base, "_", number);
    }
    ops::require(container.by_name.emplace(layer.name, container.layers.size()).second,
                 cat(shown, " has two layers of the name '", layer.name, "'"));
    container.layers.push_back(std::move(layer));
  }
  if (container.is_sequential) return container;
  try {
    std::vector<std::string> names;
    read_ports(container, member(*config, "input_layers"), container.inputs, names, shown);
    names.clear();
    read_ports(container, member(*config, "output_layers"), container.outputs, names, shown);
    if (std::ranges::find(names, "") == names.end()) container.output_names = names;
    std::vector<Reference> references = container.outputs;
    for (const LayerConfig& layer : container.layers) {
      for (const Json* call : layer.calls) {
        const auto more = references_of(container, *call);
        references.insert(references.end(), more.begin(), more.end());
      }
    }
    number_calls(container, references, dialect);
  } catch (const Error& error) {
    throw path.empty() ? error : error.in(shown);
  }
  ops::require(!container.inputs.empty() && !container.outputs.empty(),
               cat(shown, " has no inputs or no outputs"));
  return container;
}

}  // namespace ckpt::keras
