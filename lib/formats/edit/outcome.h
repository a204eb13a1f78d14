#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"
#include "core/string_pool.h"
#include "formats/edit/wishes.h"

namespace ckpt {

// Does an edit in a format leave tensors where they are, under the same Entry::own_place?
enum class Places : bool { kMove, kStay };

// What a file's entries were before an edit, as far as they must be the same afterwards: types,
// shapes, and places that stay. A tenth of an Index, so that none need be held beside the new one.
class Before {
 public:
  explicit Before(const Index& index, Places places = Places::kMove);

  [[nodiscard]] bool is_same(std::uint32_t entry, const Entry& now) const;

 private:
  std::vector<std::string_view> types_;   // each once
  std::vector<std::uint32_t> type_of_;    // which of them an entry has
  std::vector<std::string_view> places_;  // of each entry, where they stay
  StringPool strings_;
};

// Throws Error(kWrite) where `after` is not what the edit makes of `before`: every name with its
// type, shape and bytes, and no other.
void check_outcome(const Before& before, const Wishes& wishes, const Edit& edit,
                   const Index& after);

}  // namespace ckpt
