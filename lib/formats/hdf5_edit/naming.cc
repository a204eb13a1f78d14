#include "formats/hdf5_edit/naming.h"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/stored_names.h"

namespace ckpt::hdf5 {
namespace {

constexpr std::size_t kShown = 5;

// "'a', 'b', 'c', 'd', 'e' and 7 more"
std::string listed(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) {
    shown.push_back(cat("'", escape(names[i]), "'"));
  }
  const std::string text = join(shown, ", ");
  return names.size() > kShown ? cat(text, " and ", names.size() - kShown, " more") : text;
}

void refuse_any(Errc code, const std::vector<std::string>& names, std::string_view what) {
  if (!names.empty()) throw Error(code, cat(listed(names), ": ", what));
}

// Names that are scopes of other names.
std::unordered_set<std::string_view> scopes_of(std::span<const std::string_view> names) {
  std::unordered_set<std::string_view> scopes;
  std::string_view last;  // neighbours mostly share their scope
  for (const std::string_view name : names) {
    std::string_view scope = parent_path(name);
    if (scope == last) continue;
    last = scope;
    while (!scope.empty() && scopes.insert(scope).second) scope = parent_path(scope);
  }
  return scopes;
}

std::vector<VariableSpec> specs_of(std::span<const std::string_view> names) {
  std::vector<VariableSpec> specs;
  for (const auto name : names) specs.push_back({.name = std::string(name), .collections = {}});
  return specs;
}

// Where the native layout has what these names, and empty ones nowhere.
std::vector<std::string> native_places(std::span<const std::string_view> names) {
  std::vector<std::string_view> present;
  for (const auto name : names) {
    if (!name.empty()) present.push_back(name);
  }
  auto places = stored_names(specs_of(present));
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
  std::size_t next = 0;
  for (const auto& name : wishes.names) {
    if (name.is_alias) {
      naming.leaves.push_back({std::string(name.from), std::string(name.to)});
      continue;
    }
    const std::string& place = census.entries[name.entry].place;
    // What another program has stored in its own way stays so.
    const bool stays = name.from == name.to && place != usual[next];
    naming.leaves.push_back({place, stays ? place : places[next]});
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
    const std::string_view from = name.is_alias ? name.from : census.entries[name.entry].place;
    // A name that is not its path is a layout's; the path stays as long as the name does.
    const std::string_view to = name.from == name.to ? from : name.to;
    naming.leaves.push_back({std::string(from), std::string(to)});
    if (!to.empty() && to != from) changed.push_back(to);
    if (!to.empty()) after.push_back(to);
  }
  for (const Put& put : edit.puts) {
    naming.puts.push_back(put.spec.name);
    changed.push_back(put.spec.name);
    after.push_back(put.spec.name);
  }
  static_cast<void>(stored_names(specs_of(changed)));  // throws for what is no path
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
void check_paths(const Naming& naming) {
  std::vector<std::string_view> paths;
  for (const auto& leaf : naming.leaves) {
    if (!leaf.to.empty()) paths.push_back(leaf.to);
  }
  paths.insert(paths.end(), naming.puts.begin(), naming.puts.end());
  const auto scopes = scopes_of(paths);
  std::unordered_set<std::string_view> seen;
  seen.reserve(paths.size());
  std::vector<std::string> clashes;
  for (const auto path : paths) {
    if (!seen.insert(path).second || scopes.contains(path)) clashes.emplace_back(path);
  }
  refuse_any(Errc::kConflict, clashes, "two things would be at that place in the file");
}

}  // namespace

Wishes resolve(const Census& census, const Edit& edit) {
  Wishes wishes;
  wishes.names.reserve(census.entries.size());
  std::unordered_map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < census.entries.size(); ++i) {
    const Entry& entry = census.entries[i];
    wishes.names.push_back({i, false, entry.name, entry.name});
    for (const auto& alias : entry.aliases) wishes.names.push_back({i, true, alias, alias});
  }
  by_name.reserve(wishes.names.size());
  for (std::size_t i = 0; i < wishes.names.size(); ++i) by_name.emplace(wishes.names[i].from, i);

  std::vector<std::string> missing;
  std::vector<std::string> twice;
  std::vector<bool> is_asked(wishes.names.size(), false);
  const auto ask = [&](const std::string& from, std::string_view to) {
    const auto it = by_name.find(from);
    if (it == by_name.end()) {
      missing.push_back(from);
    } else if (is_asked[it->second]) {
      twice.push_back(from);
    } else {
      is_asked[it->second] = true;
      wishes.names[it->second].to = to;
    }
  };
  std::vector<std::string> empty;
  for (const auto& move : edit.moves) {
    if (move.to.empty()) empty.push_back(move.from);
    ask(move.from, move.to);
  }
  for (const auto& drop : edit.drops) ask(drop, "");
  refuse_any(Errc::kInvalid, missing, "no such variable in the file");
  refuse_any(Errc::kInvalid, twice, "is to become two things at once");
  refuse_any(Errc::kInvalid, empty, "is to have an empty name");

  std::vector<std::string> clashes;
  std::unordered_set<std::string_view> targets;
  targets.reserve(wishes.names.size());
  const auto claim = [&](std::string_view name) {
    if (!name.empty() && !targets.insert(name).second) clashes.emplace_back(name);
  };
  for (const auto& name : wishes.names) claim(name.to);
  for (const auto& put : edit.puts) claim(put.spec.name);
  refuse_any(Errc::kConflict, clashes, "two variables would have this name");
  return wishes;
}

Naming place_names(const Source& source, const Census& census, const Wishes& wishes,
                   const Edit& edit, bool by_path) {
  Naming naming;
  if (by_path) {
    naming = place_by_path(census, wishes, edit);
  } else if (census.layout == "native") {
    naming = place_native(census, wishes, edit);
  } else if (census.layout == "Keras 0 weights") {
    throw Error(Errc::kUnsupported,
                "is a Keras 0 file, which numbers its layers and weights (layer_0/param_0) and has "
                "no names to change; --paths changes its paths");
  } else if (census.layout.starts_with("Keras") && census.layout != "Keras 3 weights") {
    naming = place_keras_names(source, census, wishes, edit);
  } else {
    naming = place_by_path(census, wishes, edit);
  }
  check_paths(naming);
  return naming;
}

}  // namespace ckpt::hdf5
