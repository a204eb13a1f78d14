#include "formats/hdf5/other_attributes.h"

#include <map>

#include "core/error.h"
#include "core/text.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5/limits.h"
#include "formats/hdf5/notes.h"
#include "formats/hdf5/walk.h"

namespace ckpt::hdf5 {
namespace {

constexpr std::size_t kMostPathBytes = 200;  // that are shown

std::string tail_of(const std::string& path) {
  if (path.size() <= kMostPathBytes) return path;
  return cat("…", path.substr(path.size() - kMostPathBytes));
}

// A list of names that Keras wrote, in parts too, or what this program writes itself.
bool is_structure(std::string_view name) {
  return name.starts_with("layer_names") || name.starts_with("weight_names") ||
         name.starts_with("ckpt_");
}

class OtherAttributes {
 public:
  explicit OtherAttributes(const Source& source) : source_(source) {}

  std::vector<std::string> run() {
    take_root();
    Notes notes;
    const auto take = [&](const std::string& path, ObjectId id, const Dataset& dataset) {
      // How the variable's own type is told.
      const bool is_opaque = dataset.type.klass == Datatype::Class::kOpaque;
      take_object(id, is_opaque ? "dtype" : "", &Owners::variables, [&] { return tail_of(path); });
      return true;
    };
    // What cannot be read was lost when the file was opened.
    const Walk found = walk(source_, take, notes, [](const auto&, const auto&) {});
    for (std::size_t i = 1; i < found.groups.size(); ++i) {
      const Walk::Group& group = found.groups[i];
      const bool repeats =
          group.name == "vars" && first_text(group.id, "name") == found.groups[group.parent].name;
      take_object(group.id, repeats ? "name" : "", &Owners::scopes, [&] {
        return group.path_bytes > kMaxLayerPathBytes ? cat("…/", tail_of(group.name))
                                                     : tail_of(path_of(found, i));
      });
    }
    for (const auto& [name, owners] : owners_) words_.push_back(cat(name, " of ", owners.words()));
    return std::move(words_);
  }

 private:
  // What has an attribute of one name.
  struct Owners {
    std::size_t variables = 0;
    std::size_t scopes = 0;
    std::string first;

    [[nodiscard]] std::string words() const {
      if (variables + scopes == 1) return first;
      if (scopes == 0) return count_of(variables, "variable");
      if (variables == 0) return count_of(scopes, "scope");
      return cat(count_of(variables, "variable"), " and ", count_of(scopes, "scope"));
    }
  };

  void take_root() {
    const ObjectId root = source_.root();
    for (const std::string& name : source_.attribute_names(root)) {
      if (is_structure(name)) continue;
      auto text = text_attribute(source_, root, name);
      if (text.size() == 1) {
        texts_.emplace(name, std::move(text.front()));
      } else {
        words_.push_back(name);
      }
    }
  }

  // `known` is the name of an attribute that says nothing new. `path` is asked for now and then.
  template <typename Path>
  void take_object(ObjectId id, std::string_view known, std::size_t Owners::*kind,
                   const Path& path) {
    const auto add = [&](const std::string& name) {
      Owners& owners = owners_[name];
      if (owners.variables + owners.scopes == 0) owners.first = path();
      ++(owners.*kind);
    };
    try {
      for (const std::string& name : source_.attribute_names(id)) {
        if (name != known && !is_structure(name) && !is_of_root(id, name)) add(name);
      }
    } catch (const Error&) {
      add("attributes that cannot be read");
    }
  }

  [[nodiscard]] bool is_of_root(ObjectId id, const std::string& name) const {
    const auto of_root = texts_.find(name);
    return of_root != texts_.end() && first_text(id, name) == of_root->second;
  }

  // Empty also where it cannot be read.
  [[nodiscard]] std::string first_text(ObjectId id, const std::string& name) const {
    try {
      const auto text = text_attribute(source_, id, name);
      return text.empty() ? "" : text.front();
    } catch (const Error&) {
      return "";
    }
  }

  const Source& source_;
  std::map<std::string, std::string, std::less<>> texts_;  // of the root
  std::map<std::string, Owners> owners_;                   // by the attribute's name
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> other_attributes(const Source& source) {
  return OtherAttributes(source).run();
}

}  // namespace ckpt::hdf5
