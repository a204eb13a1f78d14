#include <map>

#include "core/text.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5_edit/naming.h"

namespace ckpt::hdf5 {
namespace {

constexpr std::string_view kLayers = "layers";

// Where the variables of a group go: to one other group, or apart.
struct GroupMove {
  std::string to;
  bool is_one = true;
};

// Every group with variables below it.
std::map<std::string, GroupMove> group_moves(const Naming& naming) {
  std::map<std::string, GroupMove> moves;
  for (const PathMoveView& leaf : naming.leaves) {
    if (leaf.to.empty()) continue;
    for (auto group = parent_path(leaf.from); !group.empty(); group = parent_path(group)) {
      const std::string_view rest = leaf.from.substr(group.size());
      const bool fits = leaf.to.size() > rest.size() && leaf.to.ends_with(rest);
      const std::string_view to = fits ? leaf.to.substr(0, leaf.to.size() - rest.size()) : "";
      const auto [it, is_new] = moves.try_emplace(std::string(group), GroupMove{std::string(to)});
      if (!fits || it->second.to != to) it->second.is_one = false;
    }
  }
  return moves;
}

// What the layer at `path` is called in its model's config: an attribute of its group "vars".
std::string own_name(const Source& source, const Census& census, const std::string& path) {
  const std::string vars = cat(path, "/vars");
  if (census.links.find_group(vars) == nullptr) return {};
  const auto texts = text_attribute(source, census.links.find(vars)->object, "name");
  return texts.size() == 1 ? texts.front() : std::string();
}

// The outermost layer that `path` lies in; empty where it is in none.
std::string outermost_layer(const std::string& path) {
  const std::string front = cat(kLayers, "/");
  if (!path.starts_with(front)) return {};
  const auto end = path.find('/', front.size());
  return end == std::string::npos ? std::string() : path.substr(0, end);
}

}  // namespace

void name_keras3_layers(const Source& source, const Census& census, Naming& naming) {
  bool is_moved = false;
  for (const auto& [from, move] : group_moves(naming)) {
    const std::string_view container = parent_path(from);
    if (last_segment(container) != kLayers || move.to == from) continue;
    is_moved = true;
    // Layers that change places with others keep their names: their variables move, they do not.
    if (!move.is_one || parent_path(move.to) != container ||
        census.links.find(move.to) != nullptr) {
      continue;
    }
    const std::string before = own_name(source, census, from);
    const std::string after(last_segment(move.to));
    if (before.empty() || before == after) continue;
    Operation text{.kind = Operation::Kind::kTexts,
                   .path = naming.strings.add(cat(move.to, "/vars")),
                   .to = "name"};
    text.parts = {{after}};
    naming.texts.push_back(std::move(text));
    const std::string outer = outermost_layer(from);
    auto& names =
        outer.empty() ? naming.layers.names : naming.layers.inner[own_name(source, census, outer)];
    names.emplace(before, after);
  }
  if (is_moved) {
    naming.notes.emplace_back(
        "Keras 3 looks for a layer's variables under the name of its class (layers/dense, "
        "layers/dense_1, … of Dense layers), whatever the layer is called: it finds them under "
        "other names only where the model's classes are called so");
  }
}

}  // namespace ckpt::hdf5
