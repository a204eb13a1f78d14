#include "formats/hdf5_edit/keras_config.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5_edit/json_spans.h"

namespace ckpt::hdf5 {
namespace {

using Names = std::map<std::string, std::string>;

class Renaming {
 public:
  // A model: {"class_name": …, "config": {"layers": […]}}, in Keras 1 a Sequential's config is the
  // list itself. `inner` has the names inside of its layers; null deeper down, where `names` go on.
  void model(const JsonSpan& model, const Names& names, const std::map<std::string, Names>* inner) {
    const JsonSpan* config = model.get("config");
    if (config == nullptr) return;
    const JsonSpan* layers =
        config->kind == JsonSpan::Kind::kArray ? config : config->get("layers");
    if (layers == nullptr) return;
    check_apart(layers->items, names);
    for (const JsonSpan& layer : layers->items) this->layer(layer, names, inner);
    for (const char* key : {"input_layers", "output_layers"}) {
      if (const JsonSpan* ends = config->get(key)) references(*ends, names);
    }
  }

  // The losses and metrics of `config`, which are given by output: by the layer's name.
  void outputs(const JsonSpan& config, const Names& names) {
    for (const char* key :
         {"loss", "loss_weights", "metrics", "weighted_metrics", "sample_weight_mode"}) {
      const JsonSpan* by_output = config.get(key);
      // A loss that is an object of its own is no map of outputs.
      if (by_output == nullptr || by_output->get("class_name") != nullptr) continue;
      for (const JsonSpan& output : by_output->keys) rename(&output, names);
    }
  }

  [[nodiscard]] const JsonChanges& changes() const { return changes_; }

  void rename(const JsonSpan* string, const Names& names) {
    if (string == nullptr || string->kind != JsonSpan::Kind::kString) return;
    const auto it = names.find(string->text);
    if (it != names.end()) changes_.replace(*string, it->second);
  }

 private:
  static const JsonSpan* own_name(const JsonSpan& layer) {
    const JsonSpan* config = layer.get("config");
    return config == nullptr ? nullptr : config->get("name");
  }

  static const JsonSpan* name_of(const JsonSpan& layer) {
    const JsonSpan* own = own_name(layer);
    return own == nullptr ? layer.get("name") : own;
  }

  // Keras refuses a model two of whose layers have one name.
  static void check_apart(const std::vector<JsonSpan>& layers, const Names& names) {
    std::map<std::string_view, std::string_view> taken;
    for (const JsonSpan& layer : layers) {
      const JsonSpan* name = name_of(layer);
      if (name == nullptr || name->kind != JsonSpan::Kind::kString) continue;
      const auto renamed = names.find(name->text);
      const std::string& now = renamed == names.end() ? name->text : renamed->second;
      const auto [it, is_new] = taken.emplace(now, name->text);
      if (is_new || it->second == name->text) continue;
      throw Error(Errc::kConflict, cat("layers '", escape(it->second), "' and '",
                                       escape(name->text), "' would both be called '", escape(now),
                                       "', and a model's layers need names of their own"));
    }
  }

  void layer(const JsonSpan& layer, const Names& names, const std::map<std::string, Names>* inner) {
    const JsonSpan* name = name_of(layer);
    rename(own_name(layer), names);
    rename(layer.get("name"), names);
    if (const JsonSpan* nodes = layer.get("inbound_nodes")) references(*nodes, names);
    const Names* below = &names;
    if (inner != nullptr) {
      const auto it = name == nullptr ? inner->end() : inner->find(name->text);
      if (it == inner->end()) return;
      below = &it->second;
    }
    nested(layer, *below);
  }

  // The models in a layer: itself, or what a wrapper such as TimeDistributed holds.
  void nested(const JsonSpan& layer, const Names& names) {
    model(layer, names, nullptr);
    const JsonSpan* config = layer.get("config");
    const JsonSpan* wrapped = config == nullptr ? nullptr : config->get("layer");
    if (wrapped != nullptr) nested(*wrapped, names);
  }

  // References are lists that begin with a layer's name and two numbers, wherever they are:
  // ["dense", 0, 0, {}].
  void references(const JsonSpan& span, const Names& names) {
    if (span.kind == JsonSpan::Kind::kArray && span.items.size() >= 3 &&
        span.items[0].kind == JsonSpan::Kind::kString &&
        span.items[1].kind == JsonSpan::Kind::kNumber &&
        span.items[2].kind == JsonSpan::Kind::kNumber) {
      rename(&span.items[0], names);
    }
    for (const JsonSpan& item : span.items) references(item, names);
  }

  JsonChanges changes_;
};

}  // namespace

std::string rename_in_model_config(const std::string& json, const LayerNames& names) {
  Renaming renaming;
  renaming.model(parse_json_spans(json), names.names, &names.inner);
  return renaming.changes().apply(json);
}

std::string rename_in_archive_config(const std::string& json, const LayerNames& names) {
  const JsonSpan root = parse_json_spans(json);
  Renaming renaming;
  renaming.model(root, names.names, &names.inner);
  if (const JsonSpan* compiled = root.get("compile_config")) {
    renaming.outputs(*compiled, names.names);
  }
  return renaming.changes().apply(json);
}

std::string rename_in_training_config(const std::string& json, const LayerNames& names) {
  const JsonSpan root = parse_json_spans(json);
  Renaming renaming;
  renaming.outputs(root, names.names);
  return renaming.changes().apply(json);
}

}  // namespace ckpt::hdf5
