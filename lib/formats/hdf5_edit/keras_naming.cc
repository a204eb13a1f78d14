#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5/stored_names.h"
#include "formats/hdf5_edit/naming.h"

namespace ckpt::hdf5 {
namespace {

// What Keras takes for the longest attribute that HDF5 holds (HDF5_OBJECT_HEADER_LIMIT).
constexpr std::size_t kKerasLimit = 64512;
constexpr std::size_t kBytesOfVariableText = 16;  // in an attribute: a length and a reference

std::string under(const std::string& group, const std::string& name) {
  return group.empty() ? name : cat(group, "/", name);
}

// A list in the parts that Keras would write: as few equal ones as fit. Throws where a name alone
// is too long.
std::vector<std::vector<std::string>> divide(const std::vector<std::string>& list,
                                             bool is_variable) {
  std::size_t width = 0;
  for (const auto& text : list) width = std::max(width, text.size());
  if (width > kKerasLimit) {
    throw Error(Errc::kInvalid, cat("a name of ", width, " bytes; Keras files hold ", kKerasLimit));
  }
  if (is_variable) width = kBytesOfVariableText;
  for (std::size_t count = 1;; ++count) {
    const std::size_t longest = (list.size() + count - 1) / count;
    if (longest * width > kKerasLimit) continue;
    std::vector<std::vector<std::string>> parts(count);
    auto next = list.begin();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t size = list.size() / count + (i < list.size() % count ? 1 : 0);
      const auto end = next + static_cast<std::ptrdiff_t>(size);
      parts[i].assign(next, end);
      next = end;
    }
    return parts;
  }
}

struct Weight {
  std::string stored;               // as weight_names has it: "dense/kernel:0"
  std::string rest;                 // of the variable's name, behind the layer: "kernel"
  std::optional<std::size_t> wish;  // of the variable that has its name by this
};

struct Layer {
  std::string name;   // as layer_names has it
  std::string group;  // its path
  std::string scope;  // in front of its variables' names
  std::string repeated;
  bool is_fixed = false;  // Keras gives it its name: "optimizer"
  std::vector<Weight> weights;
  std::string target;  // the scope afterwards
};

// Keras files have groups of layers, and lists of names that go with them; the two are changed
// together. A layer moves as a whole, since Keras looks for a layer's weights in its group.
class KerasPlanner {
 public:
  KerasPlanner(const Source& source, const Census& census, const Wishes& wishes, const Edit& edit)
      : source_(source), census_(census), wishes_(wishes), edit_(edit) {}

  Naming run() {
    read_layers();
    for (const auto& wish : wishes_.names) naming_.leaves.push_back({path_of(wish), ""});
    for (Layer& layer : layers_) choose_target(layer);
    check_targets();
    naming_.puts.resize(edit_.puts.size());
    for (Layer& layer : layers_) place_weights(layer);
    place_others();
    write_lists();
    write_configs();
    return std::move(naming_);
  }

 private:
  [[nodiscard]] std::string_view path_of(const Wishes::Name& wish) const {
    return wish.is_alias ? wish.from : census_.variables[wish.entry].place;
  }

  [[nodiscard]] std::optional<ObjectId> group_at(const std::string& path) const {
    if (path.empty()) return source_.root();
    const TreeLink* link = census_.links.find(path);
    const bool is_group = link != nullptr && census_.links.group(link->object) != nullptr;
    return is_group ? std::optional(link->object) : std::nullopt;
  }

  [[nodiscard]] std::optional<std::vector<std::string>> list_at(const std::string& path,
                                                                const std::string& name) const {
    const auto group = group_at(path);
    return group ? keras_list(source_, *group, name) : std::nullopt;
  }

  void read_layers() {
    for (std::size_t i = 0; i < wishes_.names.size(); ++i) {
      by_path_.emplace(path_of(wishes_.names[i]), i);
    }
    const auto in_model = list_at("model_weights", "layer_names");
    if (in_model) prefix_ = "model_weights";
    layer_names_ = in_model ? *in_model : list_at("", "layer_names").value_or(layer_names_);
    for (const auto& name : layer_names_) {
      add_layer({.name = name, .group = under(prefix_, name), .scope = name, .repeated = name});
    }
    add_layer({.group = under(prefix_, "top_level_model_weights"),
               .scope = "top_level_model_weights",
               .is_fixed = true});
    if (in_model) {
      add_layer({.group = "optimizer_weights", .scope = "optimizer", .is_fixed = true});
    }
  }

  void add_layer(Layer layer) {
    for (const auto& stored :
         list_at(layer.group, "weight_names").value_or(std::vector<std::string>{})) {
      Weight weight;
      weight.stored = stored;
      const std::string_view bare = without_suffix(stored);
      weight.rest = std::string(without_repetition(bare, layer.repeated));
      const auto it = by_path_.find(under(layer.group, stored));
      if (it != by_path_.end()) {
        // An alias gives the variable its name too; the wish is with the name.
        const std::size_t entry = wishes_.names[it->second].entry;
        std::size_t wish = it->second;
        while (wishes_.names[wish].is_alias) --wish;
        const bool is_named_so = census_.name_of(entry) == cat(layer.scope, "/", weight.rest);
        if (is_named_so && !owner_.contains(wish)) {
          weight.wish = wish;
          owner_.emplace(wish, layers_.size());
        }
      }
      layer.weights.push_back(std::move(weight));
    }
    layers_.push_back(std::move(layer));
  }

  static std::string_view without_suffix(std::string_view stored) {
    return stored.ends_with(":0") ? stored.substr(0, stored.size() - 2) : stored;
  }

  // The scope that all of a layer's variables go to.
  void choose_target(Layer& layer) {
    layer.target = layer.scope;
    std::vector<std::pair<std::string, std::string>> moves;  // rest before, name after
    for (const Weight& weight : layer.weights) {
      if (!weight.wish) continue;
      const auto& to = wishes_.names[*weight.wish].to;
      if (!to.empty()) moves.emplace_back(weight.rest, to);
    }
    const auto all = [&](const auto& f) { return std::ranges::all_of(moves, f); };
    if (all([&](const auto& m) { return m.second.starts_with(cat(layer.scope, "/")); })) return;
    if (layer.is_fixed) {
      const auto it = std::ranges::find_if(
          moves, [&](const auto& m) { return !m.second.starts_with(cat(layer.scope, "/")); });
      throw Error(Errc::kUnsupported,
                  cat("'", escape(cat(layer.scope, "/", it->first)), "' cannot become ",
                      in_quotes(it->second), ": in a Keras file it has to stay under '",
                      escape(layer.scope), "/'"));
    }
    // Everything under a new scope by its old name, or else the same scope as deep as the old one.
    const std::string& first = moves.front().second;
    const std::string tail = cat("/", moves.front().first);
    if (first.ends_with(tail) && first.size() > tail.size()) {
      layer.target = first.substr(0, first.size() - tail.size());
      if (all([&](const auto& m) { return m.second == cat(layer.target, "/", m.first); })) return;
    }
    std::size_t end = 0;
    for (auto left = std::ranges::count(layer.scope, '/') + 1; left > 0 && end != std::string::npos;
         --left) {
      end = first.find('/', end == 0 ? 0 : end + 1);
    }
    layer.target = first.substr(0, end);
    const auto it = std::ranges::find_if(moves, [&](const auto& m) {
      return end == std::string::npos || !m.second.starts_with(cat(layer.target, "/"));
    });
    if (it == moves.end()) return;
    throw Error(Errc::kUnsupported,
                cat("layer ", in_quotes(layer.scope),
                    ": its variables would not be in one layer any "
                    "more (",
                    in_quotes(first), ", ", in_quotes(it->second),
                    "); a Keras file keeps a layer's variables together, as LAYER/NAME"));
  }

  void check_targets() {
    std::map<std::string, const Layer*> taken;
    for (const Layer& layer : layers_) {
      if (layer.is_fixed) continue;
      const auto [it, is_new] = taken.emplace(layer.target, &layer);
      if (!is_new) {
        throw Error(Errc::kUnsupported,
                    cat("layers ", in_quotes(it->second->scope), " and ", in_quotes(layer.scope),
                        " would both be called ", in_quotes(layer.target),
                        "; a Keras file has one group for each layer"));
      }
      if (layer.target == layer.scope) continue;
      check_paths(std::array<std::string_view, 1>{layer.target});
      if (census_.layout.starts_with("Keras 3") && layer.target.find('/') != std::string::npos) {
        throw Error(Errc::kUnsupported,
                    cat("layer ", in_quotes(layer.scope), " cannot be called ",
                        in_quotes(layer.target), ": Keras 3 takes no layer names with a '/'"));
      }
      naming_.groups.emplace_back(layer.group, under(prefix_, layer.target));
    }
  }

  // What a weight of the layer is stored as when its name ends in `rest`; `like` is stored so now.
  static std::string stored_as(const Layer& layer, const Weight& like, const std::string& rest) {
    const std::string_view bare = without_suffix(like.stored);
    std::string front(bare.substr(0, bare.size() - like.rest.size()));
    const std::string repeated = cat(layer.repeated, "/");
    if (!layer.repeated.empty() && front.ends_with(repeated)) {
      front.replace(front.size() - repeated.size(), repeated.size(), cat(layer.target, "/"));
    }
    return cat(front, rest, like.stored.substr(bare.size()));
  }

  static std::string group_after(const Layer& layer) {
    if (layer.is_fixed || layer.target == layer.scope) return layer.group;
    return cat(std::string_view(layer.group).substr(0, layer.group.size() - layer.name.size()),
               layer.target);
  }

  void place_weights(Layer& layer) {
    std::vector<std::string> stored;
    const auto put_here = [&](std::size_t p, const Weight& like) {
      const std::string rest = edit_.puts[p].spec.name.substr(layer.target.size() + 1);
      stored.push_back(stored_as(layer, like, rest));
      naming_.puts[p] = under(group_after(layer), stored.back());
    };
    const auto is_for_here = [&](std::size_t p) {
      return naming_.puts[p].empty() && edit_.puts[p].spec.name.starts_with(cat(layer.target, "/"));
    };
    for (const Weight& weight : layer.weights) {
      if (weight.wish) {
        for (std::size_t p = 0; p < edit_.puts.size(); ++p) {
          const bool replaces = edit_.puts[p].replaces == wishes_.names[*weight.wish].from;
          if (replaces && is_for_here(p)) put_here(p, weight);
        }
      }
      if (!weight.wish) {
        stored.push_back(weight.stored);
        continue;
      }
      const auto& wish = wishes_.names[*weight.wish];
      if (wish.to.empty()) continue;
      // Variables that keep their name keep their place; those of a layer that moves keep their
      // rest.
      const std::string rest(wish.to.substr(layer.target.size() + 1));
      stored.push_back(stored_as(layer, weight, rest));
      naming_.leaves[*weight.wish].to =
          naming_.strings.add(under(group_after(layer), stored.back()));
    }
    for (std::size_t p = 0; p < edit_.puts.size(); ++p) {
      if (!is_for_here(p)) continue;
      Weight like;
      if (!layer.weights.empty()) like = layer.weights.back();
      put_here(p, like);
    }
    std::vector<std::string> before;
    for (const Weight& weight : layer.weights) before.push_back(weight.stored);
    if (stored != before) write_list(layer.group, group_after(layer), "weight_names", stored);
  }

  // Variables that no list names, and further names of variables: these are paths.
  void place_others() {
    for (std::size_t i = 0; i < wishes_.names.size(); ++i) {
      const auto& wish = wishes_.names[i];
      auto& leaf = naming_.leaves[i];
      if (owner_.contains(i)) continue;
      // What lies in a layer's group goes with it.
      leaf.to = wish.from == wish.to ? naming_.strings.add(moved_with_group(leaf.from)) : wish.to;
    }
    std::vector<std::string> homeless;
    for (std::size_t p = 0; p < edit_.puts.size(); ++p) {
      if (naming_.puts[p].empty()) homeless.push_back(in_quotes(edit_.puts[p].spec.name));
    }
    if (!homeless.empty()) {
      throw Error(Errc::kUnsupported, cat(join(homeless, ", "),
                                          ": the Keras file has no layer for "
                                          "it, and a layer cannot be added here"));
    }
  }

  [[nodiscard]] std::string moved_with_group(std::string_view path) const {
    const std::pair<std::string, std::string>* best = nullptr;
    for (const auto& group : naming_.groups) {
      const bool is_in = path.starts_with(cat(group.first, "/"));
      if (is_in && (best == nullptr || group.first.size() > best->first.size())) best = &group;
    }
    return best == nullptr ? std::string(path) : cat(best->second, path.substr(best->first.size()));
  }

  void write_list(const std::string& group_before, const std::string& group_now,
                  const std::string& name, const std::vector<std::string>& list) {
    const ObjectId id = *group_at(group_before);
    bool is_variable = false;
    for (const auto& there : {name, name + "0"}) {
      if (const auto attribute = source_.attribute(id, there)) {
        is_variable = attribute->type.variable_string;
      }
    }
    Operation texts{.kind = Operation::Kind::kTexts,
                    .path = naming_.strings.add(group_now),
                    .to = naming_.strings.add(name)};
    texts.parts = divide(list, is_variable);
    texts.is_divided = texts.parts.size() > 1;
    naming_.texts.push_back(std::move(texts));
  }

  void write_lists() {
    if (naming_.groups.empty()) return;
    std::vector<std::string> names;
    for (const Layer& layer : layers_) {
      if (!layer.is_fixed) names.push_back(layer.target);
    }
    write_list(prefix_, prefix_, "layer_names", names);
  }

  // The layers inside of a layer that is a model: each first segment of its weights that moves as
  // one.
  [[nodiscard]] std::map<std::string, std::string> inner_names(const Layer& layer) const {
    std::map<std::string, std::string> names;
    std::map<std::string, bool> is_clear;
    for (const Weight& weight : layer.weights) {
      const auto slash = weight.rest.find('/');
      if (!weight.wish || slash == std::string::npos) continue;
      const auto& to = wishes_.names[*weight.wish].to;
      if (to.empty()) continue;
      const std::string rest(to.substr(layer.target.size() + 1));
      const std::string before = weight.rest.substr(0, slash);
      const std::string after = rest.substr(0, rest.find('/'));
      const auto [it, is_new] = names.emplace(before, after);
      if (is_new) is_clear[before] = true;
      if (it->second != after) is_clear[before] = false;
    }
    std::erase_if(names, [&](const auto& pair) {
      return pair.first == pair.second || !is_clear[pair.first];
    });
    return names;
  }

  void write_configs() {
    LayerNames names;
    for (const Layer& layer : layers_) {
      if (layer.is_fixed) continue;
      if (layer.target != layer.scope) names.names.emplace(layer.scope, layer.target);
      if (auto inner = inner_names(layer); !inner.empty()) {
        names.inner.emplace(layer.scope, std::move(inner));
      }
    }
    if (names.names.empty() && names.inner.empty()) return;
    write_config("model_config", names, rename_in_model_config);
    write_config("training_config", names, rename_in_training_config);
  }

  void write_config(const std::string& name, const LayerNames& names,
                    std::string (*rename)(const std::string&, const LayerNames&)) {
    const auto texts = text_attribute(source_, source_.root(), name);
    if (texts.size() != 1) return;
    try {
      std::string renamed = rename(texts.front(), names);
      if (renamed == texts.front()) return;
      Operation operation{.kind = Operation::Kind::kTexts, .to = naming_.strings.add(name)};
      operation.parts = {{std::move(renamed)}};
      naming_.texts.push_back(std::move(operation));
    } catch (const Error& e) {
      throw e.in(name);
    }
  }

  const Source& source_;
  const Census& census_;
  const Wishes& wishes_;
  const Edit& edit_;
  std::string prefix_;
  std::vector<std::string> layer_names_;
  std::vector<Layer> layers_;
  std::unordered_map<std::string_view, std::size_t> by_path_;  // wishes
  std::unordered_map<std::size_t, std::size_t> owner_;         // of a wish: its layer
  Naming naming_;
};

}  // namespace

Naming place_keras_names(const Source& source, const Census& census, const Wishes& wishes,
                         const Edit& edit) {
  return KerasPlanner(source, census, wishes, edit).run();
}

}  // namespace ckpt::hdf5
