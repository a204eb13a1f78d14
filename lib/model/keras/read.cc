#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "model/keras.h"
#include "model/keras/builder.h"

namespace ckpt {
namespace {

using keras::Dialect;
using keras::Json;

// The dialect of a config that does not say its version: by words that only one of them has.
Dialect guess_dialect(const Json& root) {
  std::vector<const Json*> open{&root};
  bool is_one = false;
  while (!open.empty()) {
    const Json* top = open.back();
    open.pop_back();
    if (top->is_object()) {
      for (const auto& [key, value] : top->items()) {
        if (key == "module" || key == "batch_shape" || key == "registered_name") {
          return Dialect::kThree;
        }
        if (key == "border_mode" || key == "input_dtype" || key == "W_regularizer" ||
            key == "inner_init") {
          is_one = true;
        }
        if (value.is_structured()) open.push_back(&value);
      }
    } else if (top->is_array()) {
      for (const Json& item : *top) {
        if (item.is_structured()) open.push_back(&item);
      }
    }
  }
  return is_one ? Dialect::kOne : Dialect::kTwo;
}

Dialect dialect_of(const Json& root, const KerasOptions& options) {
  std::string version = options.version;
  if (version.empty()) version = keras::Config(root).text("keras_version", "");
  if (version.empty()) return guess_dialect(root);
  // TensorFlow.js's layers are those of Keras 2, whatever its own number.
  if (version.starts_with("tfjs-layers")) return Dialect::kTwo;
  switch (version.front()) {
    case '0':
    case '1':
      return Dialect::kOne;
    case '2':
      return Dialect::kTwo;
    case '3':
      return Dialect::kThree;
    default:
      throw Error(Errc::kUnsupported, cat("the Keras version '", version, "' is not known"));
  }
}

}  // namespace

Graph read_keras_config(std::string_view json, const KerasOptions& options) {
  const Json root = keras::parse_json(json);
  if (!root.is_object()) throw Error(Errc::kInvalid, "the config is no JSON object");
  const Dialect dialect = dialect_of(root, options);
  std::string backend = options.backend;
  if (backend.empty()) backend = keras::Config(root).text("backend", "");
  Graph graph;
  graph.source = cat("Keras ", static_cast<int>(dialect), " config");
  const keras::Container model = keras::read_container(root, dialect, "");
  keras::Builder(graph, dialect, backend).build(model, root);
  check(graph);
  return graph;
}

KerasOptions keras_options(const Index& index) {
  KerasOptions options;
  const auto open = index.layout.find('(');
  const auto close = index.layout.rfind(')');
  if (!index.layout.starts_with("Keras ") || open == std::string::npos || close < open) {
    return options;
  }
  // "Keras 2 model (2.3.1, theano)"
  for (const auto word :
       split(std::string_view(index.layout).substr(open + 1, close - open - 1), ", ")) {
    const bool is_version = !word.empty() && word.front() >= '0' && word.front() <= '9';
    (is_version ? options.version : options.backend) = std::string(word);
  }
  return options;
}

KerasOptions keras_options(const Index& index, const Metadata& metadata) {
  KerasOptions options = keras_options(index);
  const auto say = [&](std::string& option, std::string_view name) {
    const auto it = metadata.find(name);
    if (option.empty() && it != metadata.end()) option = it->second;
  };
  say(options.version, "keras_version");
  say(options.backend, "backend");
  return options;
}

std::optional<Graph> read_keras_model(const Reader& reader) {
  const Metadata metadata = reader.metadata();
  const auto config = metadata.find("model_config");
  if (config == metadata.end()) return std::nullopt;
  Graph graph = read_keras_config(config->second, keras_options(reader.index(), metadata));
  bind_keras(graph, reader.index());
  return graph;
}

std::vector<std::string> keras_layer_classes() {
  std::set<std::string> names{
      "Functional",     "InputLayer", "Model", "Sequential", "SpectralNormalization",
      "TimeDistributed"};
  for (const auto& family : keras::all_layer_classes()) {
    for (const auto& each : family) names.emplace(each.name);
  }
  return {names.begin(), names.end()};
}

}  // namespace ckpt
