#include "remap/outcome_view.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "remap/planning/draft.h"
#include "remap/tensor_ops.h"

namespace ckpt {
namespace {

// Where a variable of the outcome comes from: an entry of the source, as it is, or one of the
// targets of a change.
struct Origin {
  std::size_t entry = 0;
  const Receipt::Change* change = nullptr;
  std::size_t target = 0;
};

class OutcomeView final : public Reader {
 public:
  OutcomeView(const Reader& source, Receipt receipt)
      : source_(source), receipt_(std::move(receipt)) {
    const Index& from = source.index();
    index_ = {.format = from.format,
              .layout = from.layout,
              .separator = from.separator,
              .file_bytes = from.file_bytes,
              .entries = {},
              .notes = {}};
    check();
    take_renamed();
    take_changed();
    set_roles();
  }

  [[nodiscard]] const Index& index() const override { return index_; }

  [[nodiscard]] bool is_concurrent(std::size_t i) const override {
    return origins_[i].change == nullptr && source_.is_concurrent(origins_[i].entry);
  }

  [[nodiscard]] Details details(std::size_t i) const override {
    if (origins_[i].change == nullptr) return source_.details(origins_[i].entry);
    return {.storage = "computed", .stored_bytes = index_.entries[i].nbytes, .attributes = {}};
  }

 private:
  // Are all variables there of which the receipt speaks?
  void check() const {
    std::vector<std::string> faults;
    std::unordered_map<std::string_view, const Entry*> by_name;
    for (const Entry& entry : source_.index().entries) {
      by_name.emplace(entry.name, &entry);
      for (const std::string& alias : entry.aliases) by_name.emplace(alias, &entry);
    }
    const auto find = [&](const std::string& name) -> const Entry* {
      const auto it = by_name.find(name);
      if (it != by_name.end()) return it->second;
      faults.push_back(cat("'", escape(name), "' is not there"));
      return nullptr;
    };
    for (const PathMove& move : receipt_.moves) find(move.from);
    for (const Receipt::Change& change : receipt_.changes) {
      for (const PlannedVariable& from : change.from) {
        const Entry* has = find(from.name);
        if (has == nullptr) continue;
        if (has->dtype == from.spec.dtype && has->shape == from.spec.shape) continue;
        faults.push_back(cat("'", escape(from.name), "' is ", name_of(has->dtype), " ",
                             to_string(has->shape), ", not ", name_of(from.spec.dtype), " ",
                             to_string(from.spec.shape)));
      }
    }
    for (const Receipt::Change& change : receipt_.changes) check_change(change);
    if (faults.empty()) return;
    constexpr std::size_t kShown = 5;
    const std::size_t more = faults.size() - std::min(faults.size(), kShown);
    faults.resize(faults.size() - more);
    throw Error(Errc::kConflict,
                cat(join(faults, "; "), more == 0 ? "" : cat("; and ", more, " more")));
  }

  // Do its operations give what the receipt says?
  static void check_change(const Receipt::Change& change) {
    std::vector<TensorSpec> specs;
    for (const PlannedVariable& from : change.from) specs.push_back(from.spec);
    specs = resolve_ops(change.ops, specs, change.to.size()).after;
    if (std::ranges::equal(specs, change.to, {}, {}, &PlannedVariable::spec)) return;
    throw Error(Errc::kInvalid, cat("the operations of the receipt do not give '",
                                    escape(change.to.front().name), "' as it says"));
  }

  // The variables whose values stay, under their new names.
  void take_renamed() {
    std::unordered_map<std::string_view, std::string_view> renamed;
    std::set<std::string_view> gone;
    for (const PathMove& move : receipt_.moves) renamed.emplace(move.from, move.to);
    for (const PlannedVariable& dropped : receipt_.dropped) gone.insert(dropped.name);
    for (const Receipt::Change& change : receipt_.changes) {
      for (const PlannedVariable& from : change.from) gone.insert(from.name);
    }
    const auto& entries = source_.index().entries;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      std::vector<std::string> names;
      const auto take = [&](const std::string& name) {
        if (gone.contains(name)) return;
        const auto it = renamed.find(name);
        names.emplace_back(it == renamed.end() ? std::string_view(name) : it->second);
      };
      take(entries[i].name);
      for (const std::string& alias : entries[i].aliases) take(alias);
      if (names.empty()) continue;
      Entry entry = entries[i];
      entry.name = names.front();
      entry.aliases = std::vector<std::string>(names.begin() + 1, names.end());
      std::ranges::sort(entry.aliases);
      index_.entries.push_back(std::move(entry));
      origins_.push_back({.entry = i});
    }
  }

  void take_changed() {
    for (const Receipt::Change& change : receipt_.changes) {
      for (std::size_t target = 0; target < change.to.size(); ++target) {
        const auto& [name, spec] = change.to[target];
        index_.entries.push_back({.name = name,
                                  .own_place = "computed",
                                  .dtype = spec.dtype,
                                  .role = Role::kVariable,
                                  .shape = spec.shape,
                                  .nbytes = tensor_bytes(spec.dtype, spec.shape),
                                  .native_dtype = "",
                                  .aliases = {}});
        origins_.push_back({.entry = 0, .change = &change, .target = target});
      }
    }
  }

  void set_roles() {
    std::set<std::string_view> names;
    for (const Entry& entry : index_.entries) {
      if (names.insert(entry.name).second) continue;
      throw Error(Errc::kConflict, cat("two variables would be called '", escape(entry.name), "'"));
    }
    std::vector<Leaf> leaves;
    for (const Entry& entry : index_.entries) leaves.push_back({entry.name, &entry.shape});
    const std::vector<Role> roles = roles_of(leaves, index_.separator);
    for (std::size_t i = 0; i < roles.size(); ++i) {
      Entry& entry = index_.entries[i];
      entry.role = is_numeric(entry.dtype) ? roles[i] : Role::kOther;
    }
  }

  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    const Origin& origin = origins_[i];
    if (origin.change == nullptr) return source_.read(origin.entry, first, out);
    if (computed_ != origin.change) {
      std::vector<Tensor> tensors;
      for (const PlannedVariable& from : origin.change->from) {
        tensors.push_back(source_.read(source_.find(from.name).value()));
      }
      targets_ = apply_ops(origin.change->ops, std::move(tensors), origin.change->to.size());
      computed_ = origin.change;
    }
    const Tensor& tensor = targets_.at(origin.target);
    const auto offset = static_cast<std::ptrdiff_t>(first * size_of(tensor.dtype));
    std::copy_n(tensor.bytes.begin() + offset, out.size(), out.begin());
  }

  void do_check_whole(std::size_t i) const override {
    if (origins_[i].change == nullptr) source_.check_whole(origins_[i].entry);
  }

  const Reader& source_;
  Receipt receipt_;
  Index index_;
  std::vector<Origin> origins_;  // of each entry
  // The change that was asked for last, and what it gives.
  mutable const Receipt::Change* computed_ = nullptr;
  mutable std::vector<Tensor> targets_;
};

}  // namespace

std::unique_ptr<Reader> view_outcome(const Reader& source, const Receipt& receipt) {
  return std::make_unique<OutcomeView>(source, receipt);
}

std::map<std::string, std::vector<std::string>, std::less<>> origins_of(const Receipt& receipt) {
  std::map<std::string, std::vector<std::string>, std::less<>> origins;
  for (const PathMove& move : receipt.moves) origins[move.to].push_back(move.from);
  for (const Receipt::Change& change : receipt.changes) {
    for (const PlannedVariable& to : change.to) {
      if (change.from.size() == 1 && change.from.front().name == to.name) continue;
      for (const PlannedVariable& from : change.from) origins[to.name].push_back(from.name);
    }
  }
  return origins;
}

}  // namespace ckpt
