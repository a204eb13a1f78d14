#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace ckpt::hdf5 {

// Where an object's header lies: the same for all links to one object.
using ObjectId = std::uint64_t;

// A map from an object to what a walk knows of it: one flat array with open addressing. The nodes
// of a std::unordered_map cost a fifth of the time in which 100,000 objects are listed.
template <typename T>
class IdMap {
 public:
  // The value of `id`, new or known; valid until the next call. REQUIRES: id is not all ones.
  std::pair<T*, bool> try_emplace(ObjectId id) {
    if (4 * (size_ + 1) > 3 * slots_.size()) grow();
    Slot& slot = slots_[place_of(id)];
    const bool is_new = slot.id == kEmpty;
    if (is_new) {
      slot.id = id;
      ++size_;
    }
    return {&slot.value, is_new};
  }

  // Null where there is none.
  [[nodiscard]] const T* find(ObjectId id) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[place_of(id)];
    return slot.id == kEmpty ? nullptr : &slot.value;
  }

  [[nodiscard]] T* find(ObjectId id) { return const_cast<T*>(std::as_const(*this).find(id)); }

  // f(id, value) for each, in any order.
  template <typename F>
  void for_each(const F& f) const {
    for (const Slot& slot : slots_) {
      if (slot.id != kEmpty) f(slot.id, slot.value);
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr ObjectId kEmpty = UINT64_MAX;  // the format's undefined address
  static constexpr std::size_t kFirst = 64;
  struct Slot {
    ObjectId id = kEmpty;
    T value{};
  };

  // The slot of `id`, or the free one where it belongs. Objects within 4 KiB of the file get slots
  // beside one another, since they are mostly met one after another and a slot far away costs more
  // than all else here; the golden ratio spreads the pieces of 4 KiB.
  [[nodiscard]] std::size_t place_of(ObjectId id) const {
    const std::size_t mask = slots_.size() - 1;
    const std::uint64_t piece = (id >> 12U) * 0x9e3779b97f4a7c15U >> 32U;
    std::size_t at = static_cast<std::size_t>(piece + (id >> 6U & 63U)) & mask;
    while (slots_[at].id != kEmpty && slots_[at].id != id) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? kFirst : 2 * slots_.size());
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.id != kEmpty) slots_[place_of(slot.id)] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace ckpt::hdf5
