#include "formats/edit/outcome.h"

#include <algorithm>

#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"

namespace ckpt {
namespace {

// "f32[3, 16]>f4": the same exactly where two entries have one type and shape.
std::string type_of(const Entry& entry) {
  return cat(name_of(entry.dtype), to_string(entry.shape), entry.native_dtype.view());
}

[[noreturn]] void refuse(std::string_view seen, std::string_view name) {
  throw Error(Errc::kWrite,
              cat("what was written reads back ", seen, escape(name), "; it was taken back"));
}

}  // namespace

Before::Before(const Index& index, Places places) : Before(places) {
  type_of_.reserve(index.entries.size());
  if (places_stay_) places_.reserve(index.entries.size());
  for (const Entry& entry : index.entries) add(entry);
}

void Before::add(const Entry& entry) {
  const auto text_of = [&](std::uint32_t i) { return types_[i]; };
  const std::string type = type_of(entry);
  std::uint32_t i = known_types_.find(type, text_of);
  if (i == NameIndex::kNone) {
    i = static_cast<std::uint32_t>(types_.size());
    types_.push_back(strings_.add(type));
    known_types_.add(i, text_of);
  }
  type_of_.push_back(i);
  if (places_stay_) places_.push_back(strings_.add(entry.own_place));
}

bool Before::is_same(std::uint32_t entry, const Entry& now) const {
  return type_of(now) == types_[type_of_[entry]] &&
         (!places_stay_ || now.own_place.view() == places_[entry]);
}

OutcomeCheck::OutcomeCheck(const Before& before, const Wishes& wishes, const Edit& edit)
    : before_(before),
      wishes_(wishes),
      edit_(edit),
      wanted_(wishes.names.size() + edit.puts.size()),
      is_missing_(wishes.names.size() + edit.puts.size()) {
  for (std::uint32_t i = 0; i < is_missing_.size(); ++i) {
    is_missing_[i] = !name_of(i).empty();
    if (is_missing_[i]) wanted_.add(i, [&](std::uint32_t n) { return name_of(n); });
  }
}

std::string_view OutcomeCheck::name_of(std::uint32_t i) const {
  const std::size_t kept = wishes_.names.size();
  return i < kept ? wishes_.names[i].to : edit_.puts[i - kept].spec.name;
}

bool OutcomeCheck::is_as_wanted(std::uint32_t i, const Entry& entry) const {
  const std::size_t kept = wishes_.names.size();
  if (i < kept) return before_.is_same(wishes_.names[i].entry, entry);
  const VariableSpec& spec = edit_.puts[i - kept].spec;
  return entry.dtype == spec.dtype && entry.shape == spec.shape && entry.native_dtype.empty();
}

void OutcomeCheck::see(std::string_view name, const Entry& entry) {
  const std::uint32_t i = wanted_.find(name, [&](std::uint32_t n) { return name_of(n); });
  if (i == NameIndex::kNone || !is_missing_[i] || !is_as_wanted(i, entry)) {
    refuse("as something else: ", name);
  }
  is_missing_[i] = false;
}

void OutcomeCheck::finish() const {
  const auto missing = std::ranges::find(is_missing_, true);
  if (missing != is_missing_.end()) {
    refuse("without ", name_of(static_cast<std::uint32_t>(missing - is_missing_.begin())));
  }
}

void check_outcome(const Before& before, const Wishes& wishes, const Edit& edit,
                   const Index& after) {
  OutcomeCheck check(before, wishes, edit);
  for (const Entry& entry : after.entries) {
    check.see(entry.name, entry);
    for (const std::string& alias : entry.aliases) check.see(alias, entry);
  }
  check.finish();
}

}  // namespace ckpt
