#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/keras.h"

namespace ckpt {
namespace {

// A stored variable of one layer: which entry, and the segments of its path inside the layer.
struct Candidate {
  std::size_t entry = 0;
  std::vector<std::string_view> segments;
  bool taken = false;
};

std::string_view without_suffix(std::string_view name) {
  return name.ends_with(":0") ? name.substr(0, name.size() - 2) : name;
}

// How well a candidate fits: none where its last segment is not the spelling; else how many of the
// scopes it shows, the innermost counting most. Keras 1 writes "dense_1_W" for "dense_1/W".
std::optional<std::size_t> fit(const Candidate& candidate, const std::vector<std::string>& scopes,
                               const std::string& layer, std::string_view spelling) {
  const std::string_view last = candidate.segments.back();
  std::string_view front;
  if (last != spelling) {
    const bool has_tail = last.size() > spelling.size() + 1 && last.ends_with(spelling) &&
                          last[last.size() - spelling.size() - 1] == '_';
    if (!has_tail) return std::nullopt;
    front = last.substr(0, last.size() - spelling.size() - 1);
    // Whose it is must be the layer itself or one inside of it, or "embeddings" would match
    // "reverse_embeddings".
    const bool is_known = front == layer || std::ranges::find(scopes, front) != scopes.end();
    if (!is_known) return std::nullopt;
  }
  std::size_t score = last == spelling ? 1 : 2;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const bool shows = front == scopes[i] ||
                       std::ranges::find(candidate.segments, scopes[i]) != candidate.segments.end();
    if (shows) score += std::size_t{4} << std::min<std::size_t>(i, 40);
  }
  return score;
}

// The candidate that fits one of the spellings best; empty where none does or two do equally well.
std::optional<std::size_t> best(const std::vector<Candidate>& candidates,
                                const GraphVariable& variable,
                                std::span<const std::string> spelling) {
  std::optional<std::size_t> found;
  std::size_t score = 0;
  bool is_tie = false;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].taken) continue;
    for (const std::string& word : spelling) {
      const auto fits = fit(candidates[i], variable.hints.scopes, variable.hints.layer, word);
      if (!fits || *fits < score) continue;
      is_tie = *fits == score && found && *found != i;
      found = i;
      score = *fits;
    }
  }
  return is_tie ? std::nullopt : found;
}

class LegacyBinding {
 public:
  explicit LegacyBinding(const Index& index) : index_(index) {
    const bool has_model = std::ranges::any_of(
        index.entries, [](const Entry& e) { return place_of(e).starts_with("model_weights/"); });
    const std::string_view root = has_model ? "model_weights/" : "";
    for (std::size_t i = 0; i < index.entries.size(); ++i) {
      std::string_view path = without_suffix(place_of(index.entries[i]));
      if (!path.starts_with(root)) continue;
      path.remove_prefix(root.size());
      // Layers' names may have a "/" of their own: every prefix may be the layer.
      for (auto slash = path.find('/'); slash != std::string_view::npos;
           slash = path.find('/', slash + 1)) {
        layers_[std::string(path.substr(0, slash))].push_back(
            {i, split(path.substr(slash + 1), "/")});
      }
    }
  }

  // Binds the variables of one layer; those that could not be are left unbound.
  void bind(const std::string& layer, const std::vector<GraphVariable*>& variables) {
    const auto it = layers_.find(layer);
    if (it == layers_.end()) return;
    auto& candidates = it->second;
    // Those with more scopes first: what is left is then theirs who have none.
    std::vector<GraphVariable*> order = variables;
    std::ranges::stable_sort(order, std::greater<>(),
                             [](const GraphVariable* v) { return v->hints.scopes.size(); });
    for (GraphVariable* variable : order) {
      if (const auto found = best(candidates, *variable, variable->hints.spelling)) {
        take(candidates, *found, *variable);
        continue;
      }
      std::vector<std::size_t> gates;
      for (const std::string& gate : variable->hints.gates) {
        const auto part = best(candidates, *variable, {&gate, 1});
        if (part) gates.push_back(*part);
      }
      if (gates.empty() || gates.size() != variable->hints.gates.size()) continue;
      for (const std::size_t gate : gates) take(candidates, gate, *variable);
    }
    bind_in_order(candidates, variables);
  }

 private:
  void take(std::vector<Candidate>& candidates, std::size_t i, GraphVariable& variable) {
    candidates[i].taken = true;
    variable.names.push_back(index_.entries[candidates[i].entry].name);
  }

  // Keras itself goes by order: trainable variables first. That is how those are bound whose names
  // say nothing, where as many are left of both and every shape fits.
  void bind_in_order(std::vector<Candidate>& candidates,
                     const std::vector<GraphVariable*>& variables) {
    std::vector<GraphVariable*> open;
    for (const bool trainable : {true, false}) {
      for (GraphVariable* variable : variables) {
        if (variable->names.empty() && variable->hints.trainable == trainable) {
          open.push_back(variable);
        }
      }
    }
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates[i].taken) left.push_back(i);
    }
    if (open.size() != left.size()) return;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (index_.entries[candidates[left[i]].entry].shape != open[i]->shape) return;
    }
    for (std::size_t i = 0; i < open.size(); ++i) take(candidates, left[i], *open[i]);
  }

  const Index& index_;
  std::unordered_map<std::string, std::vector<Candidate>> layers_;
};

}  // namespace

void bind_keras(Graph& graph, const Index& index) {
  std::unordered_map<std::string_view, std::size_t> by_place;
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    by_place.emplace(place_of(index.entries[i]), i);
    by_place.emplace(index.entries[i].name, i);
  }
  LegacyBinding legacy(index);
  std::vector<std::string> layers;  // in the graph's order
  std::unordered_map<std::string, std::vector<GraphVariable*>> by_layer;
  for (GraphVariable& variable : graph.variables) {
    variable.names.clear();
    // In a `.keras` archive and beside optimizers the paths have the model in front.
    for (const std::string prefix : {"", "model/"}) {
      const auto it = by_place.find(prefix + variable.hints.keras3_path);
      if (it != by_place.end() && variable.names.empty()) {
        variable.names.push_back(index.entries[it->second].name);
      }
    }
    if (!variable.names.empty()) continue;
    auto& group = by_layer[variable.hints.layer];
    if (group.empty()) layers.push_back(variable.hints.layer);
    group.push_back(&variable);
  }
  for (const std::string& layer : layers) legacy.bind(layer, by_layer[layer]);
  std::vector<std::string> missing;
  std::unordered_map<std::string_view, const GraphVariable*> bound;
  for (GraphVariable& variable : graph.variables) {
    if (variable.names.empty()) {
      // TensorFlow.js leaves out what is between a layer and its variable: a cell, a wrapped layer.
      const auto slash = variable.name.rfind('/');
      const std::string shorter =
          slash == std::string::npos ? "" : cat(variable.hints.layer, variable.name.substr(slash));
      for (const std::string& name : {variable.name, shorter}) {
        const auto it = by_place.find(name);
        if (it == by_place.end()) continue;
        variable.names.push_back(index.entries[it->second].name);
        break;
      }
    }
    if (variable.names.empty() && !variable.hints.optional) missing.push_back(variable.name);
    for (const std::string& name : variable.names) {
      const auto [it, is_new] = bound.emplace(name, &variable);
      if (!is_new) {
        throw Error(Errc::kInvalid, cat("the variables '", it->second->name, "' and '",
                                        variable.name, "' of the graph are both '", name, "'"));
      }
    }
  }
  if (missing.empty()) return;
  std::vector<std::string> names;
  for (const Entry& entry : index.entries) names.push_back(entry.name);
  throw Error(Errc::kNotFound, cat(count_of(missing.size(), "variable"), " of the graph ",
                                   missing.size() == 1 ? "is" : "are",
                                   " not in the checkpoint: ", join(missing, ", "),
                                   did_you_mean(nearest(missing.front(), names))));
}

}  // namespace ckpt
