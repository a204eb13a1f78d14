#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/string_pool.h"
#include "formats/edit/wishes.h"

namespace ckpt::torch {

// A pickle after an edit. Keys are exchanged, pairs are left out and put in; every other byte
// stays, so that whatever else the pickle holds is what it was.
struct EditedPickle {
  // Bytes [begin, end) of `old` are exchanged.
  struct Splice {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::string_view text;  // in `texts`
  };
  Bytes old;                    // without its frames
  std::vector<Splice> splices;  // by `begin`, then by `end`
  StringPool texts;
  std::vector<std::string> storages;  // keys of those that new tensors need, one a put

  [[nodiscard]] std::uint64_t size() const;

  // All of its bytes, in order.
  void for_each_piece(const std::function<void(ByteView)>& take) const;
  [[nodiscard]] Bytes bytes() const;
};

// Throws Error: kUnsupported, naming the variable, where the dicts that hold the tensors cannot
// take the new names: a tensor can change its key, and a dict of them too, but none leaves its dict
// for another; kInvalid for names that are no UTF-8.
EditedPickle edit_pickle(Bytes old, const Wishes& wishes, const Edit& edit);

}  // namespace ckpt::torch
