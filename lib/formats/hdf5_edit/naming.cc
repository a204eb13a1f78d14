#include "formats/hdf5_edit/naming.h"

#include <algorithm>
#include <span>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_set.h"
#include "core/text.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5/stored_names.h"

namespace ckpt::hdf5 {
namespace {

// Names that are scopes of other names.
NameSet scopes_of(std::span<const std::string_view> names) {
  NameSet scopes;
  std::string_view last;  // neighbours mostly share their scope
  for (const std::string_view name : names) {
    std::string_view scope = parent_path(name);
    if (scope == last) continue;
    last = scope;
    while (!scope.empty() && scopes.insert(scope)) scope = parent_path(scope);
  }
  return scopes;
}

// Where the native layout has what these names, and empty ones nowhere.
std::vector<std::string> native_places(std::span<const std::string_view> names) {
  std::vector<std::string_view> present;
  for (const auto name : names) {
    if (!name.empty()) present.push_back(name);
  }
  auto places = stored_names(present);
  std::vector<std::string> result;
  std::size_t next = 0;
  for (const auto name : names) result.push_back(name.empty() ? "" : std::move(places[next++]));
  return result;
}

Naming place_native(const Census& census, const Wishes& wishes, const Edit& edit) {
  std::vector<std::string_view> before;
  std::vector<std::string_view> after;
  for (const auto& name : wishes.names) {
    if (name.is_alias) continue;
    before.push_back(name.from);
    after.push_back(name.to);
  }
  for (const Put& put : edit.puts) after.push_back(put.spec.name);
  std::vector<std::string> usual;
  try {
    usual = native_places(before);
  } catch (const Error&) {
    usual.resize(before.size());  // names that this program would not write: they are left alone
  }
  const auto places = native_places(after);
  Naming naming;
  naming.leaves.reserve(wishes.names.size());
  std::size_t next = 0;
  for (const auto& name : wishes.names) {
    if (name.is_alias) {
      naming.leaves.push_back({name.from, name.to});
      continue;
    }
    const std::string_view place = census.variables[name.entry].place;
    // What another program has stored in its own way stays so.
    const bool stays = name.from == name.to && place != usual[next];
    naming.leaves.push_back({place, stays ? place : naming.strings.add(places[next])});
    ++next;
  }
  naming.puts.assign(places.begin() + static_cast<std::ptrdiff_t>(next), places.end());
  return naming;
}

Naming place_by_path(const Census& census, const Wishes& wishes, const Edit& edit) {
  Naming naming;
  std::vector<std::string_view> changed;
  std::vector<std::string_view> after;
  naming.leaves.reserve(wishes.names.size());
  after.reserve(wishes.names.size());
  for (const auto& name : wishes.names) {
    const std::string_view from = name.is_alias ? name.from : census.variables[name.entry].place;
    // A name that is not its path is a layout's; the path stays as long as the name does.
    const std::string_view to = name.from == name.to ? from : name.to;
    naming.leaves.push_back({from, to});
    if (!to.empty() && to != from) changed.push_back(to);
    if (!to.empty()) after.push_back(to);
  }
  for (const Put& put : edit.puts) {
    naming.puts.push_back(put.spec.name);
    changed.push_back(put.spec.name);
    after.push_back(put.spec.name);
  }
  check_paths(changed);
  const auto scopes = scopes_of(after);
  std::vector<std::string> both;
  for (const auto name : after) {
    if (scopes.contains(name)) both.emplace_back(name);
  }
  refuse_any(Errc::kInvalid, both,
             "would be a variable and a scope at once, which HDF5 cannot hold; files in this "
             "program's own layout can");
  return naming;
}

// Two paths that are equal, or one inside the other, are one too many.
void check_apart(const Naming& naming) {
  std::vector<std::string_view> paths;
  for (const auto& leaf : naming.leaves) {
    if (!leaf.to.empty()) paths.push_back(leaf.to);
  }
  paths.insert(paths.end(), naming.puts.begin(), naming.puts.end());
  const auto scopes = scopes_of(paths);
  NameSet seen(paths.size());
  std::vector<std::string> clashes;
  for (const auto path : paths) {
    if (!seen.insert(path) || scopes.contains(path)) clashes.emplace_back(path);
  }
  refuse_any(Errc::kConflict, clashes, "two things would be at that place in the file");
}

}  // namespace

Naming place_names(const Source& source, const Census& census, const Wishes& wishes,
                   const Edit& edit, bool by_path) {
  const bool has_paths =
      by_path || (census.layout != "native" && !census.layout.starts_with("Keras"));
  // Names that are paths were found to be apart when the wishes were resolved.
  if (has_paths && census.names.empty()) return place_by_path(census, wishes, edit);
  Naming naming;
  if (has_paths) {
    naming = place_by_path(census, wishes, edit);
  } else if (census.layout == "native") {
    naming = place_native(census, wishes, edit);
  } else if (census.layout == "Keras 0 weights") {
    throw Error(Errc::kUnsupported,
                "is a Keras 0 file, which numbers its layers and weights (layer_0/param_0) and has "
                "no names to change; --paths changes its paths");
  } else if (census.layout == kKeras3Weights) {
    naming = place_by_path(census, wishes, edit);
    name_keras3_layers(source, census, naming);
  } else {
    naming = place_keras_names(source, census, wishes, edit);
  }
  check_apart(naming);
  return naming;
}

}  // namespace ckpt::hdf5
