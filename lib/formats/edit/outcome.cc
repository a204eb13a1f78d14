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

Before::Before(const Index& index, Places places) {
  const auto text_of = [&](std::uint32_t i) { return types_[i]; };
  NameIndex known;
  type_of_.reserve(index.entries.size());
  if (places == Places::kStay) places_.reserve(index.entries.size());
  for (const Entry& entry : index.entries) {
    const std::string type = type_of(entry);
    std::uint32_t i = known.find(type, text_of);
    if (i == NameIndex::kNone) {
      i = static_cast<std::uint32_t>(types_.size());
      types_.push_back(strings_.add(type));
      known.add(i, text_of);
    }
    type_of_.push_back(i);
    if (places == Places::kStay) places_.push_back(strings_.add(entry.own_place));
  }
}

bool Before::is_same(std::uint32_t entry, const Entry& now) const {
  return type_of(now) == types_[type_of_[entry]] &&
         (places_.empty() || now.own_place.view() == places_[entry]);
}

void check_outcome(const Before& before, const Wishes& wishes, const Edit& edit,
                   const Index& after) {
  const std::size_t kept = wishes.names.size();
  const std::size_t count = kept + edit.puts.size();
  const auto name_of = [&](std::uint32_t i) -> std::string_view {
    return i < kept ? wishes.names[i].to : edit.puts[i - kept].spec.name;
  };
  NameIndex wanted(count);
  std::vector<bool> is_missing(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    is_missing[i] = !name_of(i).empty();
    if (is_missing[i]) wanted.add(i, name_of);
  }
  const auto is_as_wanted = [&](std::uint32_t i, const Entry& entry) {
    if (i < kept) return before.is_same(wishes.names[i].entry, entry);
    const VariableSpec& spec = edit.puts[i - kept].spec;
    return entry.dtype == spec.dtype && entry.shape == spec.shape && entry.native_dtype.empty();
  };
  const auto check = [&](std::string_view name, const Entry& entry) {
    const std::uint32_t i = wanted.find(name, name_of);
    if (i == NameIndex::kNone || !is_missing[i] || !is_as_wanted(i, entry)) {
      refuse("as something else: ", name);
    }
    is_missing[i] = false;
  };
  for (const Entry& entry : after.entries) {
    check(entry.name, entry);
    for (const std::string& alias : entry.aliases) check(alias, entry);
  }
  const auto missing = std::ranges::find(is_missing, true);
  if (missing != is_missing.end()) {
    refuse("without ", name_of(static_cast<std::uint32_t>(missing - is_missing.begin())));
  }
}

}  // namespace ckpt
