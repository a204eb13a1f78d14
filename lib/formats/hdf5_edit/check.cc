#include "formats/hdf5_edit/check.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/chosen_source.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5/superblock.h"

namespace ckpt::hdf5 {
namespace {

[[noreturn]] void reject(const std::string& what) {
  throw Error(Errc::kWrite,
              cat("the edit was checked before anything was written, and is not what was planned: ",
                  what, "; nothing was written; this is a fault of ckpt or of libhdf5"));
}

class Checker {
 public:
  Checker(const Plan& plan, const Source& source_before, const RandomFile& patched)
      : plan_(plan),
        source_before_(source_before),
        source_after_(open_source(patched)),
        base_(read_superblock(patched).offset),
        after_(take_census(*source_after_, patched, plan.use_paths)) {}

  void run(std::span<const Extent> created) {
    compare_links();
    find_changed_texts();
    compare_objects();
    check_texts();
    check_created(created);
    check_names();
  }

 private:
  void compare_links() {
    const LinkTree& expected = plan_.work.expected;
    if (expected.root() != after_.links.root()) reject("the root group is another one");
    actual_.emplace(expected.root(), after_.links.root());
    for (const auto& [group, links] : expected.groups()) {
      for (const auto& [name, link] : links) {
        if (link.kind == Link::Kind::kHard) kept_.insert(link.object);
      }
    }
    std::vector<std::pair<ObjectId, std::string>> left{{expected.root(), ""}};
    while (!left.empty()) {
      const auto [id, path] = std::move(left.back());
      left.pop_back();
      compare_group(id, path, left);
    }
    if (after_.objects.size() != actual_.size()) {
      reject(cat("it has ", after_.objects.size(), " objects, not ", actual_.size()));
    }
  }

  void compare_group(ObjectId id, const std::string& path,
                     std::vector<std::pair<ObjectId, std::string>>& left) {
    const LinkTree& expected = plan_.work.expected;
    const auto wanted = expected.groups().find(id);
    if (wanted == expected.groups().end()) return;
    const auto found = after_.links.groups().find(actual_.at(id));
    if (found == after_.links.groups().end()) reject(cat("/", escape(path), " is no group"));
    if (wanted->second.size() != found->second.size()) {
      reject(cat("/", escape(path), " has ", found->second.size(), " links, not ",
                 wanted->second.size()));
    }
    for (const auto& [name, link] : wanted->second) {
      const std::string below = path.empty() ? name : cat(path, "/", name);
      const auto it = found->second.find(name);
      if (it == found->second.end()) reject(cat("/", escape(below), " is not there"));
      if (link.kind != it->second.kind || link.target != it->second.target) {
        reject(cat("/", escape(below), " is another link"));
      }
      if (link.kind != Link::Kind::kHard) continue;
      const ObjectId actual = it->second.object;
      // A new object may lie where one was that is gone, but not be one that stays.
      const bool is_made = link.object >= LinkTree::kFirstMade;
      if (is_made ? kept_.contains(actual) : actual != link.object) {
        reject(cat("/", escape(below), " leads to another object"));
      }
      if (is_made) made_.insert(actual);
      const auto [known, is_new] = actual_.emplace(link.object, actual);
      if (known->second != actual) reject(cat("/", escape(below), " leads to another object"));
      if (is_new) left.emplace_back(link.object, below);
    }
  }

  void find_changed_texts() {
    for (const Operation& operation : plan_.work.operations) {
      if (operation.kind == Operation::Kind::kTexts) {
        changed_[object_at(operation.path)].push_back(operation.to);
      }
    }
  }

  [[nodiscard]] ObjectId object_at(const std::string& path) const {
    if (path.empty()) return plan_.work.expected.root();
    return actual_.at(plan_.work.expected.find(path)->object);
  }

  void compare_objects() const {
    for (const auto& [id, checksum] : after_.objects) {
      const auto before = plan_.before.objects.find(id);
      if (before == plan_.before.objects.end() || made_.contains(id)) continue;
      if (before->second == checksum && !is_touched(id)) continue;
      const auto changed = changed_.find(id);
      const auto without = changed == changed_.end() ? std::vector<std::string>{} : changed->second;
      if (checksum_of(source_before_, id, without) != checksum_of(*source_after_, id, without)) {
        reject(cat("/", escape(after_.links.path_to(id)),
                   " has another type, shape, place or attribute"));
      }
    }
  }

  // Does the patch change anything in the page of the object's header, or in the one behind it?
  [[nodiscard]] bool is_touched(ObjectId id) const {
    constexpr std::uint64_t kNear = 8192;
    const std::uint64_t at = base_ + id;
    const auto& pieces = plan_.patch.pieces;
    auto it = std::ranges::upper_bound(pieces, at, {}, &Patch::Piece::offset);
    if (it != pieces.begin() && std::prev(it)->offset + std::prev(it)->bytes.size() > at)
      return true;
    return it != pieces.end() && it->offset < at + kNear;
  }

  void check_texts() const {
    for (const Operation& operation : plan_.work.operations) {
      if (operation.kind != Operation::Kind::kTexts) continue;
      std::vector<std::string> wanted;
      for (const auto& part : operation.parts)
        wanted.insert(wanted.end(), part.begin(), part.end());
      const auto found = keras_list(*source_after_, object_at(operation.path), operation.to);
      if (!found || *found != wanted) {
        reject(cat("attribute '", operation.to, "' of /", escape(operation.path), " is another"));
      }
    }
  }

  void check_created(std::span<const Extent> created) const {
    if (created.size() != plan_.edit.puts.size()) reject("there is no room for a new tensor");
    std::unordered_map<ObjectId, std::size_t> entry_of;
    for (std::size_t i = 0; i < after_.places.size(); ++i) {
      entry_of.emplace(after_.places[i].object, i);
    }
    for (std::size_t p = 0; p < created.size(); ++p) {
      const VariableSpec& spec = plan_.edit.puts[p].spec;
      const auto it = entry_of.find(actual_.at(plan_.work.puts[p]));
      if (it == entry_of.end()) reject(cat("'", escape(spec.name), "' is no variable"));
      const Entry& entry = after_.entries[it->second];
      const Place& place = after_.places[it->second];
      // What opaque types hold is told by an attribute, which a census does not look at.
      const bool is_opaque = entry.dtype == DType::kOther;
      if ((!is_opaque && entry.dtype != spec.dtype) || entry.shape != spec.shape) {
        reject(cat("'", escape(spec.name), "' has another type or shape"));
      }
      const bool is_placed = place.kind == Storage::Kind::kContiguous &&
                             place.offset == created[p].offset &&
                             place.stored_bytes == created[p].bytes;
      if (created[p].bytes > 0 && !is_placed) {
        reject(cat("'", escape(spec.name), "' lies at another place"));
      }
      check_name(it->second, spec.name);
    }
  }

  void check_names() const {
    std::unordered_map<ObjectId, std::size_t> entry_of;
    for (std::size_t i = 0; i < after_.places.size(); ++i) {
      entry_of.emplace(after_.places[i].object, i);
    }
    std::size_t kept = plan_.edit.puts.size();
    std::size_t last = plan_.before.entries.size();
    for (const auto& wish : plan_.wishes.names) {
      if (wish.to.empty()) continue;
      const auto it = entry_of.find(plan_.before.places[wish.entry].object);
      // A soft link whose target was dropped is there and names nothing.
      if (it == entry_of.end() && wish.is_alias) continue;
      if (it == entry_of.end()) reject(cat("'", escape(wish.to), "' is missing"));
      if (wish.entry != last) ++kept;
      last = wish.entry;
      if (!wish.is_alias || wish.from != wish.to) check_name(it->second, wish.to);
    }
    if (kept != after_.entries.size()) {
      reject(cat("it has ", after_.entries.size(), " variables, not ", kept));
    }
  }

  void check_name(std::size_t entry, const std::string& name) const {
    const Entry& there = after_.entries[entry];
    if (there.name == name || there.place == name ||
        std::ranges::find(there.aliases, name) != there.aliases.end()) {
      return;
    }
    reject(cat("'", escape(name), "' is called '", escape(there.name), "'"));
  }

  const Plan& plan_;
  const Source& source_before_;
  std::unique_ptr<Source> source_after_;
  std::uint64_t base_;  // addresses count from here
  Census after_;
  std::unordered_map<ObjectId, ObjectId> actual_;  // by the id in the plan
  std::unordered_set<ObjectId> kept_;              // objects of the original that stay
  std::unordered_set<ObjectId> made_;              // objects that are new
  std::map<ObjectId, std::vector<std::string>> changed_;
};

}  // namespace

void check_outcome(const Plan& plan, const Source& source_before, const RandomFile& patched,
                   std::span<const Extent> created) {
  try {
    Checker(plan, source_before, patched).run(created);
  } catch (const Error& e) {
    if (e.code() == Errc::kWrite || e.code() == Errc::kIo) throw;
    reject(e.what());
  }
}

}  // namespace ckpt::hdf5
