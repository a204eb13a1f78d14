#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace ckpt::hdf5 {

// Where an object's header lies: the same for all links to one object.
using ObjectId = std::uint64_t;

// A map from an object to what a walk knows of it: a flat table of positions in two rows, of
// objects and of values in the order in which they came. The nodes of a std::unordered_map cost a
// fifth of the time in which 100,000 objects are listed, and a table of the values themselves costs
// memory for the slots that stay free. Fewer than 2^32 objects.
template <typename T>
class IdMap {
 public:
  // The value of `id`, new or known; valid until the next call.
  std::pair<T*, bool> try_emplace(ObjectId id) {
    if (4 * (size() + 1) > 3 * slots_.size()) grow();
    std::uint32_t& slot = slots_[slot_of(id)];
    const bool is_new = slot == kFree;
    if (is_new) {
      slot = static_cast<std::uint32_t>(size());
      ids_.push_back(id);
      values_.emplace_back();
    }
    return {&values_[slot], is_new};
  }

  // Null where there is none.
  [[nodiscard]] const T* find(ObjectId id) const {
    if (slots_.empty()) return nullptr;
    const std::uint32_t slot = slots_[slot_of(id)];
    return slot == kFree ? nullptr : &values_[slot];
  }

  [[nodiscard]] T* find(ObjectId id) { return const_cast<T*>(std::as_const(*this).find(id)); }

  // In the order in which they came.
  [[nodiscard]] const std::vector<ObjectId>& ids() const { return ids_; }
  [[nodiscard]] const std::vector<T>& values() const { return values_; }
  [[nodiscard]] std::size_t size() const { return ids_.size(); }

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;
  static constexpr std::size_t kFirst = 64;

  // The slot of `id`, or the free one where it belongs. Objects within 4 KiB of the file get slots
  // beside one another, since they are mostly met one after another and a slot far away costs more
  // than all else here; the golden ratio spreads the pieces of 4 KiB.
  [[nodiscard]] std::size_t slot_of(ObjectId id) const {
    const std::size_t mask = slots_.size() - 1;
    const std::uint64_t piece = (id >> 12U) * 0x9e3779b97f4a7c15U >> 32U;
    std::size_t at = static_cast<std::size_t>(piece + (id >> 6U & 63U)) & mask;
    while (slots_[at] != kFree && ids_[slots_[at]] != id) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    slots_.assign(slots_.empty() ? kFirst : 2 * slots_.size(), kFree);
    for (std::uint32_t i = 0; i < ids_.size(); ++i) slots_[slot_of(ids_[i])] = i;
  }

  std::vector<std::uint32_t> slots_;  // positions in the rows
  std::vector<ObjectId> ids_;
  std::vector<T> values_;
};

}  // namespace ckpt::hdf5
