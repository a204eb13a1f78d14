#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/edit/wishes.h"

namespace ckpt::torch {

// A pickle after an edit. Keys are exchanged, pairs are left out and put in; every other byte
// stays, so that whatever else the pickle holds is what it was.
struct EditedPickle {
  std::string bytes;
  std::vector<std::string> storages;  // keys of those that new tensors need, one a put
};

// Throws Error: kUnsupported, naming the variable, where the dicts that hold the tensors cannot
// take the new names: a tensor can change its key, and a dict of them too, but none leaves its dict
// for another; kInvalid for names that are no UTF-8.
EditedPickle edit_pickle(std::string_view bytes, const Wishes& wishes, const Edit& edit);

}  // namespace ckpt::torch
