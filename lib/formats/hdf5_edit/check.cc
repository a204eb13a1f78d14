#include "formats/hdf5_edit/check.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/h5parse/superblock.h"
#include "formats/hdf5/chosen_source.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5/variable.h"

namespace ckpt::hdf5 {
namespace {

[[noreturn]] void reject(const std::string& what) {
  throw Error(Errc::kWrite,
              cat("the edit was checked before anything was written, and is not what was planned: ",
                  what, "; nothing was written; this is a fault of ckpt or of libhdf5"));
}

class Checker final : public Observer {
 public:
  Checker(const Plan& plan, const RandomFile& original, const RandomFile& patched)
      : plan_(plan),
        expected_(plan.work.expected),
        original_(original),
        source_before_(open_source(original)),
        source_after_(open_source(patched)) {
    const auto frame = h5parse::read_superblock(original);
    const auto frame_after = h5parse::read_superblock(patched);
    if (std::tie(frame.base, frame.version, frame.leaf_k, frame.group_k, frame.chunk_k) !=
        std::tie(frame_after.base, frame_after.version, frame_after.leaf_k, frame_after.group_k,
                 frame_after.chunk_k)) {
      reject("the superblock is another one");
    }
    find_changed_texts();
    // The walk comes to an object by a link that was compared, so that all of them are.
    after_ = list_variables(*source_after_, patched, plan.use_paths, *this);
    for (std::size_t i = 0; i < after_.variables.size(); ++i) {
      *by_object_.try_emplace(after_.variables[i].object).first = i;
    }
  }

  void run(std::span<const ByteRange> created) const {
    if (expected_.root() != source_after_->root()) reject("the root group is another one");
    if (!fault_.empty()) reject(fault_);
    check_made_apart();
    check_texts();
    check_created(created);
    check_names();
  }

  // What the patch touches nowhere is what it was, and its links lead where they did.
  std::optional<Object> recall(ObjectId id) override {
    if (planned_.contains(id)) return std::nullopt;
    const auto kind = plan_.before.traces.kind_if_untouched(id, plan_.patch);
    const LinkGroup* links = expected_.group(id);
    if (!kind || (links != nullptr && links->is_changed())) return std::nullopt;
    Object object{.kind = *kind, .has_attributes = false};
    if (links == nullptr) return object;
    for (const TreeLink* link : links->by_name()) {
      object.links.push_back(
          {std::string(link->name), link->object, RareText(link->target), link->kind});
    }
    return object;
  }

  void see(ObjectId id, const Object& object) override {
    if (fault_.empty()) compare(id, object);
  }

 private:
  void find_changed_texts() {
    for (const Operation& operation : plan_.work.operations) {
      if (operation.kind == Operation::Kind::kTexts) {
        changed_[planned_at(operation.path)].emplace_back(operation.to);
      }
    }
  }

  [[nodiscard]] ObjectId planned_at(std::string_view path) const {
    return path.empty() ? expected_.root() : expected_.find(path)->object;
  }

  // What is called so in the plan, in the file: what was there before keeps its place.
  [[nodiscard]] ObjectId actual(ObjectId planned) const {
    return planned < LinkTree::kFirstMade ? planned : made_.at(planned);
  }

  void compare(ObjectId id, const Object& object) {
    const auto made = planned_.find(id);
    const ObjectId planned = made == planned_.end() ? id : made->second;
    const LinkGroup* wanted = expected_.group(planned);
    if ((wanted != nullptr) != (object.kind == Object::Kind::kGroup)) {
      fault_ = cat(shown(planned), wanted == nullptr ? " is a group" : " is no group");
      return;
    }
    if (wanted != nullptr) compare_links(planned, *wanted, object.links);
    if (made == planned_.end()) compare_object(id, object);
  }

  void compare_links(ObjectId group, const LinkGroup& wanted, const std::vector<Link>& found) {
    if (wanted.size() != found.size()) {
      fault_ = cat(shown(group), " has ", found.size(), " links, not ", wanted.size());
      return;
    }
    const auto links = wanted.by_name();
    for (std::size_t i = 0; i < links.size(); ++i) {
      const TreeLink& link = *links[i];
      const auto complain = [&](std::string_view what) {
        fault_ = cat(shown(group), ": '", escape(link.name), "' ", what);
      };
      if (link.name != found[i].name) return complain("is not there");
      if (link.kind != found[i].kind || link.target != found[i].target.view()) {
        return complain("is another link");
      }
      if (link.kind == Link::Kind::kHard && !is_same(link.object, found[i].object)) {
        return complain("leads to another object");
      }
    }
  }

  // Remembers where an object lies that is new.
  bool is_same(ObjectId planned, ObjectId found) {
    if (planned < LinkTree::kFirstMade) return planned == found;
    return made_.emplace(planned, found).first->second == found &&
           planned_.emplace(found, planned).first->second == planned;
  }

  // A new object may lie where one was that is gone, but not be one that stays.
  void check_made_apart() const {
    if (planned_.empty()) return;
    if (planned_.contains(expected_.root())) reject("the root group lies where something new is");
    expected_.visit([&](const std::string& path, const TreeLink& link, const LinkGroup*) {
      if (link.kind == Link::Kind::kHard && planned_.contains(link.object)) {
        reject(cat("/", escape(path), " lies where something new is"));
      }
    });
  }

  void compare_object(ObjectId id, const Object& object) {
    const auto changed = changed_.find(id);
    const auto without = changed == changed_.end() ? std::vector<std::string>{} : changed->second;
    if (checksum_of(*source_before_, id, source_before_->open(id), without) !=
        checksum_of(*source_after_, id, object, without)) {
      fault_ = cat(shown(id), " has another type, shape, place or attribute");
    }
    const Storage& storage = object.dataset.storage;
    const bool keeps_data =
        storage.kind == Storage::Kind::kContiguous
            ? keeps({storage.offset, storage.bytes})
            : std::ranges::all_of(storage.chunks,
                                  [&](const Storage::Chunk& chunk) { return keeps(chunk.place); });
    if (!keeps_data) fault_ = cat(shown(id), " has other data");
  }

  // A piece may reach over data that lies between two changes.
  [[nodiscard]] bool keeps(const ByteRange& data) const {
    const std::uint64_t end = data.offset + data.bytes;
    Bytes old;
    return std::ranges::all_of(pieces_in(plan_.patch, data), [&](const Patch::Piece& piece) {
      const std::uint64_t first = std::max(piece.offset, data.offset);
      const std::uint64_t last = std::min(piece.offset + piece.bytes.size(), end);
      old.resize(static_cast<std::size_t>(last - first));
      original_.read_at(first, old);
      return std::ranges::equal(
          old, piece.bytes.subspan(static_cast<std::size_t>(first - piece.offset), old.size()));
    });
  }

  // The position of the object in after_.
  [[nodiscard]] std::optional<std::size_t> variable_of(ObjectId object) const {
    const std::size_t* at = by_object_.find(object);
    return at == nullptr ? std::nullopt : std::optional(*at);
  }

  // For messages: an object of the plan by its path.
  [[nodiscard]] std::string shown(ObjectId planned) const {
    return cat("/", escape(expected_.path_to(planned)));
  }

  void check_texts() const {
    for (const Operation& operation : plan_.work.operations) {
      if (operation.kind != Operation::Kind::kTexts) continue;
      std::vector<std::string> wanted;
      for (const auto& part : operation.parts)
        wanted.insert(wanted.end(), part.begin(), part.end());
      const auto found =
          keras_list(*source_after_, actual(planned_at(operation.path)), std::string(operation.to));
      if (!found || *found != wanted) {
        reject(cat("attribute '", operation.to, "' of /", escape(operation.path), " is another"));
      }
    }
  }

  void check_created(std::span<const ByteRange> created) const {
    if (created.size() != plan_.edit.puts.size()) reject("there is no room for a new tensor");
    for (std::size_t p = 0; p < created.size(); ++p) {
      const VariableSpec& spec = plan_.edit.puts[p].spec;
      const ObjectId object = actual(plan_.work.puts[p]);
      const auto at = variable_of(object);
      if (!at) reject(cat("'", escape(spec.name), "' is no variable"));
      Notes notes;
      const Dataset dataset = source_after_->open(object).dataset;
      const Entry entry =
          make_variable("", object, dataset, "", plan_.patch.size_after, notes).entry;
      // What opaque types hold is told by an attribute, which a census does not look at.
      const bool is_opaque = entry.dtype == DType::kOther;
      if ((!is_opaque && entry.dtype != spec.dtype) || entry.shape != spec.shape) {
        reject(cat("'", escape(spec.name), "' has another type or shape"));
      }
      const Storage& storage = dataset.storage;
      const bool is_placed = storage.kind == Storage::Kind::kContiguous &&
                             storage.offset == created[p].offset &&
                             storage.bytes == created[p].bytes;
      if (created[p].bytes > 0 && !is_placed) {
        reject(cat("'", escape(spec.name), "' lies at another place"));
      }
      check_name(*at, spec.name);
    }
  }

  void check_names() const {
    std::size_t kept = plan_.edit.puts.size();
    std::size_t last = plan_.before.variables.size();
    for (const auto& wish : plan_.wishes.names) {
      if (wish.to.empty()) continue;
      const auto at = variable_of(plan_.before.variables[wish.entry].object);
      // A soft link whose target was dropped is there and names nothing.
      if (!at && wish.is_alias) continue;
      if (!at) reject(cat("'", escape(wish.to), "' is missing"));
      if (wish.entry != last) ++kept;
      last = wish.entry;
      if (!wish.is_alias || wish.from != wish.to) check_name(*at, wish.to);
    }
    if (kept != after_.variables.size()) {
      reject(cat("it has ", after_.variables.size(), " variables, not ", kept));
    }
  }

  void check_name(std::size_t variable, std::string_view name) const {
    const std::string_view there = after_.name_of(variable);
    const auto aliases = after_.aliases_of(variable);
    if (there == name || after_.variables[variable].place == name ||
        std::ranges::find(aliases, name, &Variables::Alias::path) != aliases.end()) {
      return;
    }
    reject(cat("'", escape(name), "' is called '", escape(there), "'"));
  }

  const Plan& plan_;
  const LinkTree& expected_;
  const RandomFile& original_;
  std::unique_ptr<Source> source_before_;
  std::unique_ptr<Source> source_after_;
  Variables after_;
  IdMap<std::size_t> by_object_;                 // positions in after_
  std::unordered_map<ObjectId, ObjectId> made_;  // where new objects lie, by their id in the plan
  std::unordered_map<ObjectId, ObjectId> planned_;        // and the other way round
  std::map<ObjectId, std::vector<std::string>> changed_;  // texts, by the id in the plan
  std::string fault_;                                     // the first difference
};

}  // namespace

void check_outcome(const Plan& plan, const RandomFile& original, const RandomFile& patched,
                   std::span<const ByteRange> created) {
  try {
    Checker(plan, original, patched).run(created);
  } catch (const Error& e) {
    if (e.code() == Errc::kWrite || e.code() == Errc::kIo) throw;
    reject(e.what());
  }
}

}  // namespace ckpt::hdf5
