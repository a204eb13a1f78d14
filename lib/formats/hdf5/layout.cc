#include "formats/hdf5/layout.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/limits.h"

namespace ckpt::hdf5 {
namespace {

std::string_view without_suffix(std::string_view name) {
  return name.size() > 2 && name.ends_with(":0") ? name.substr(0, name.size() - 2) : name;
}

std::string under(const std::string& group, const std::string& name) {
  return group.empty() ? name : cat(group, "/", name);
}

// Gives variables better names, by their paths, as long as they stay unique.
class Renamer {
 public:
  Renamer(std::span<const std::string_view> paths, const Walk& walk) : paths_(paths), walk_(walk) {
    for (std::size_t i = 0; i < paths.size(); ++i) by_path_.emplace(paths[i], i);
    for (const auto& alias : walk.aliases) by_path_.emplace(alias.path, alias.dataset);
  }

  // False where there is no variable of that path. The first name for a variable counts.
  bool rename(std::string_view path, std::string name) {
    const auto it = by_path_.find(path);
    if (it == by_path_.end()) return false;
    names_.emplace(it->second, std::move(name));
    return true;
  }

  // The names; those that would not be unique are left out, until all are.
  std::map<std::size_t, std::string> names() && {
    for (bool changed = !names_.empty(); changed;) {
      std::unordered_map<std::string_view, int> counts;
      for (std::size_t i = 0; i < paths_.size(); ++i) {
        const auto it = names_.find(i);
        ++counts[it == names_.end() ? paths_[i] : it->second];
      }
      for (const auto& alias : walk_.aliases) ++counts[alias.path];
      std::vector<std::size_t> dropped;
      for (const auto& [i, name] : names_) {
        if (counts[name] > 1) dropped.push_back(i);
      }
      for (const std::size_t i : dropped) names_.erase(i);
      changed = !dropped.empty();
    }
    return std::move(names_);
  }

 private:
  std::span<const std::string_view> paths_;
  const Walk& walk_;
  std::unordered_map<std::string_view, std::size_t> by_path_;
  std::map<std::size_t, std::string> names_;
};

// Reads the layers of a Keras file and names their weights.
class KerasLayers {
 public:
  KerasLayers(const Source& source, const Walk& walk, Renamer& renamer, Notes& notes)
      : source_(source), groups_(walk), renamer_(renamer), notes_(notes) {}

  // `prefix` is the group that has the layers.
  void name_layers(const std::string& prefix, const std::vector<std::string>& layers) {
    for (const std::string& layer : layers) {
      if (!name_weights(under(prefix, layer), layer, layer)) {
        notes_.add("names of layers that name nothing",
                   cat(shown(prefix), ": layer_names has '", escape(layer),
                       "', but there is no such group"));
      }
    }
    // Variables of the model itself, which no layer owns (tf.keras 2.9 and later).
    name_weights(under(prefix, "top_level_model_weights"), "top_level_model_weights", "");
  }

  // Names the weights of the group at `path` as `scope`/WEIGHT; `repeated` is left out of WEIGHT.
  bool name_weights(const std::string& path, const std::string& scope,
                    const std::string& repeated) {
    const auto group = groups_.find(path);
    if (!group) return false;
    const auto weights = keras_list(source_, *group, "weight_names");
    for (const std::string& weight : weights.value_or(std::vector<std::string>{})) {
      const std::string_view name = without_repetition(without_suffix(weight), repeated);
      if (!renamer_.rename(under(path, weight), cat(scope, "/", name))) {
        notes_.add("names of weights that name nothing",
                   cat(shown(path), ": weight_names has '", escape(weight),
                       "', but there is no such dataset"));
      }
    }
    return true;
  }

 private:
  static std::string shown(const std::string& path) { return cat("/", escape(path)); }

  const Source& source_;
  GroupFinder groups_;
  Renamer& renamer_;
  Notes& notes_;
};

std::string first_text(const Source& source, ObjectId id, const std::string& name) {
  const auto text = text_attribute(source, id, name);
  return text.empty() ? "" : text.front();
}

// "Keras 2 model (2.3.1, tensorflow)"; files before Keras 1.2.3 or so have no version.
std::string keras_words(const Source& source, const std::vector<ObjectId>& groups,
                        std::string_view kind) {
  std::string version;
  std::string backend;
  for (const ObjectId group : groups) {
    if (version.empty()) version = first_text(source, group, "keras_version");
    if (backend.empty()) backend = first_text(source, group, "backend");
  }
  const char generation = version.empty() ? '1' : version.front();
  std::vector<std::string> known;
  for (const auto& words : {version, backend}) {
    if (!words.empty()) known.push_back(escape(words));
  }
  return cat("Keras ", escape(std::string(1, generation)), generation == '3' ? " legacy " : " ",
             kind, known.empty() ? "" : cat(" (", join(known, ", "), ")"));
}

// A group of the root.
std::optional<ObjectId> group_at(const Walk& walk, std::string_view name) {
  for (std::size_t i = 1; i < walk.groups.size(); ++i) {
    if (walk.groups[i].parent == 0 && walk.groups[i].name == name) return walk.groups[i].id;
  }
  return std::nullopt;
}

// All datasets are numbered under groups "vars"; a model without weights has the groups alone.
bool is_keras3_weights(const Walk& walk, std::span<const std::string_view> paths) {
  if (paths.empty()) return group_at(walk, "layers") && group_at(walk, "vars");
  const auto is_numbered = [](std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos || slash + 1 == path.size()) return false;
    const std::string_view group = path.substr(0, slash);
    return path.find_first_not_of("0123456789", slash + 1) == std::string_view::npos &&
           (group == "vars" || group.ends_with("/vars"));
  };
  return std::ranges::all_of(paths, is_numbered);
}

void note_backend(std::string_view layout, Notes& notes) {
  if (layout.find("theano") != std::string_view::npos) {
    notes.add("notes on the backend",
              "was written with Keras on Theano: the kernels of its convolutions are rotated by "
              "180 degrees, compared with TensorFlow's");
  }
}

}  // namespace

std::vector<std::string> text_attribute(const Source& source, ObjectId id,
                                        const std::string& name) {
  auto attribute = source.attribute(id, name);
  return attribute ? std::move(attribute->strings) : std::vector<std::string>{};
}

std::map<std::string, std::string, std::less<>> keras3_layers(const Source& source,
                                                              const Walk& walk) {
  std::map<std::string, std::string, std::less<>> layers;
  for (const Walk::Group& group : walk.groups) {
    if (group.name != "vars" || group.parent == 0 || group.path_bytes > kMaxLayerPathBytes)
      continue;
    const std::string scope = path_of(walk, group.parent);
    const std::string name = first_text(source, group.id, "name");
    if (!name.empty() && scope.substr(scope.rfind('/') + 1) != name) layers.emplace(scope, name);
  }
  return layers;
}

std::string_view without_repetition(std::string_view weight, std::string_view layer) {
  if (layer.empty()) return weight;
  const auto rest_after = [&](std::size_t at) -> std::string_view {
    const bool fits = weight.substr(at).starts_with(layer) &&
                      weight.size() > at + layer.size() + 1 && weight[at + layer.size()] == '/';
    return fits ? weight.substr(at + layer.size() + 1) : std::string_view{};
  };
  const auto slash = weight.find('/');
  auto rest = rest_after(0);
  if (rest.empty() && slash != std::string_view::npos) rest = rest_after(slash + 1);
  return rest.empty() ? weight : rest;
}

std::optional<std::vector<std::string>> keras_list(const Source& source, ObjectId group,
                                                   const std::string& name) {
  const auto names = source.attribute_names(group);
  const auto has = [&](const std::string& wanted) {
    return std::ranges::find(names, wanted) != names.end();
  };
  if (has(name)) return text_attribute(source, group, name);
  if (!has(name + "0")) return std::nullopt;
  std::vector<std::string> list;
  for (int part = 0; has(cat(name, part)); ++part) {
    const auto more = text_attribute(source, group, cat(name, part));
    list.insert(list.end(), more.begin(), more.end());
  }
  return list;
}

Layout read_layout(const Source& source, const Walk& walk, std::span<const std::string_view> paths,
                   Notes& notes) {
  const ObjectId root = source.root();
  const auto attributes = source.attribute_names(root);
  const auto has = [&](std::string_view name) {
    return std::ranges::find(attributes, name) != attributes.end();
  };
  if (has("ckpt_format") && first_text(source, root, "ckpt_format") == "native") {
    const auto has_suffix = [](std::string_view path) { return without_suffix(path) != path; };
    if (std::ranges::none_of(paths, has_suffix)) return {"native", {}};
    Renamer renamer(paths, walk);
    for (const std::string_view path : paths) {
      if (has_suffix(path)) renamer.rename(path, std::string(without_suffix(path)));
    }
    return {"native", std::move(renamer).names()};
  }
  const auto model = group_at(walk, "model_weights");
  const auto layers_of = [&](std::optional<ObjectId> group) {
    return group ? keras_list(source, *group, "layer_names") : std::nullopt;
  };
  const auto model_layers = layers_of(model);
  const auto layers = model_layers ? model_layers : layers_of(root);
  if (layers) {
    Renamer renamer(paths, walk);
    KerasLayers keras(source, walk, renamer, notes);
    keras.name_layers(model_layers ? "model_weights" : "", *layers);
    if (model_layers) keras.name_weights("optimizer_weights", "optimizer", "");
    std::vector<ObjectId> groups{root};
    if (model_layers) groups.push_back(*model);
    std::string words = keras_words(source, groups, model_layers ? "model" : "weights");
    note_backend(words, notes);
    return {std::move(words), std::move(renamer).names()};
  }
  if (has("nb_layers")) return {"Keras 0 weights", {}};
  if (const auto graph = group_at(walk, "graph"); graph && source.attribute(*graph, "nb_params")) {
    return {"Keras 0 weights", {}};
  }
  return {std::string(is_keras3_weights(walk, paths) ? kKeras3Weights : "plain"), {}};
}

}  // namespace ckpt::hdf5
