#include "formats/hdf5/stored_names.h"

#include <string_view>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/limits.h"

namespace ckpt::hdf5 {
namespace {

// Why HDF5 cannot hold the name; empty where it can.
std::string_view objection(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.find('\0') != std::string_view::npos) return "has a zero byte";
  for (std::size_t at = 0; at <= name.size();) {
    const std::string_view segment = name.substr(at, name.find('/', at) - at);
    at += segment.size() + 1;
    if (segment.empty()) return "has an empty segment";
    if (segment == ".") return "has '.' as a segment";
    if (segment.size() > kMaxNameBytes - 2) return "has a segment of more than 64 KiB";
  }
  return {};
}

void refuse(const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  throw Error(Errc::kInvalid, cat("HDF5 cannot hold ", count_of(problems.size(), "name"), ": ",
                                  join(problems, ", ")));
}

void add_objection(std::string_view name, std::vector<std::string>& problems) {
  const auto why = objection(name);
  if (!why.empty()) problems.push_back(cat("'", escape(name), "' ", why));
}

}  // namespace

void check_paths(std::span<const std::string_view> paths) {
  std::vector<std::string> problems;
  for (const std::string_view path : paths) add_objection(path, problems);
  refuse(problems);
}

std::vector<std::string> stored_names(std::span<const std::string_view> names) {
  std::vector<std::string> problems;
  std::unordered_set<std::string_view> scopes;
  for (const std::string_view name : names) {
    add_objection(name, problems);
    for (auto at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1)) {
      scopes.insert(name.substr(0, at));
    }
  }
  std::vector<std::string> paths;
  paths.reserve(names.size());
  for (const std::string_view name : names) {
    std::string path(name);
    if (path.ends_with(":0") || scopes.contains(path)) path += ":0";
    if (scopes.contains(path)) {
      problems.push_back(
          cat("'", escape(name), "' would be stored as '", escape(path), "', which is a scope"));
    }
    paths.push_back(std::move(path));
  }
  refuse(problems);
  return paths;
}

}  // namespace ckpt::hdf5
