#include "formats/hdf5/walk.h"

#include "formats/hdf5/walker.h"

namespace ckpt::hdf5 {

std::string path_of(const Walk& walk, std::size_t group) {
  std::vector<std::string_view> names;
  for (; group != walk.groups[group].parent; group = walk.groups[group].parent) {
    names.push_back(walk.groups[group].name);
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!path.empty()) path += '/';
    path += *name;
  }
  return path;
}

GroupFinder::GroupFinder(const Walk& walk) : walk_(walk) {
  for (std::size_t i = 1; i < walk.groups.size(); ++i) {
    by_name_.emplace(std::pair(walk.groups[i].parent, std::string_view(walk.groups[i].name)), i);
  }
}

std::optional<ObjectId> GroupFinder::find(std::string_view path) const {
  if (walk_.groups.empty()) return std::nullopt;
  std::size_t at = 0;
  for (std::size_t end = path.empty() ? path.npos : 0; end != path.npos;) {
    end = path.find('/');
    const auto found = by_name_.find(std::pair(at, path.substr(0, end)));
    if (found == by_name_.end()) return std::nullopt;
    at = found->second;
    if (end != path.npos) path.remove_prefix(end + 1);
  }
  return walk_.groups[at].id;
}

Walk walk(const Source& source, const TakeDataset& take, Notes& notes, const TakeDamage& damage) {
  Walker walker(source, take, notes, damage);
  while (walker.step()) {
  }
  return walker.finish();
}

}  // namespace ckpt::hdf5
