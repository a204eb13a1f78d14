#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"
#include "core/name_index.h"
#include "core/string_pool.h"
#include "formats/edit/wishes.h"

namespace ckpt {

// Does an edit in a format leave tensors where they are, under the same Entry::own_place?
enum class Places : bool { kMove, kStay };

// What a file's entries were before an edit, as far as they must be the same afterwards: types,
// shapes, and places that stay. A tenth of an Index, so that none need be held beside the new one.
class Before {
 public:
  explicit Before(Places places = Places::kMove) : places_stay_(places == Places::kStay) {}
  explicit Before(const Index& index, Places places = Places::kMove);

  void add(const Entry& entry);

  [[nodiscard]] bool is_same(std::uint32_t entry, const Entry& now) const;

 private:
  bool places_stay_;
  std::vector<std::string_view> types_;  // each once
  NameIndex known_types_;
  std::vector<std::uint32_t> type_of_;    // which of them an entry has
  std::vector<std::string_view> places_;  // of each entry, where they stay
  StringPool strings_;
};

// Looks whether a file is what the edit makes of `before`: every name with its type, shape and
// bytes, and no other. All three must outlive it.
class OutcomeCheck {
 public:
  OutcomeCheck(const Before& before, const Wishes& wishes, const Edit& edit);

  // Takes the entries of the new file in any order. Throws Error(kWrite) for one that is not asked
  // for, or not like this.
  void see(std::string_view name, const Entry& entry);

  // Throws Error(kWrite) where one is missing.
  void finish() const;

 private:
  // A wish, or behind all of them a put.
  [[nodiscard]] std::string_view name_of(std::uint32_t i) const;
  [[nodiscard]] bool is_as_wanted(std::uint32_t i, const Entry& entry) const;

  const Before& before_;
  const Wishes& wishes_;
  const Edit& edit_;
  NameIndex wanted_;
  std::vector<bool> is_missing_;
};

// The same for a whole index.
void check_outcome(const Before& before, const Wishes& wishes, const Edit& edit,
                   const Index& after);

}  // namespace ckpt
