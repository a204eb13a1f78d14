#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/torch/tensors.h"

namespace ckpt::torch {

// A key of a dict: which, and where in it.
using KeyPlace = std::pair<Ref, std::uint32_t>;

// What becomes of a pickle's dicts when tensors get other names. Texts are views of these names.
struct NewKeys {
  struct Key {
    KeyPlace place;
    std::string_view text;    // the new one; empty where the pair is dropped
    std::string_view tensor;  // the first that asked for it
  };
  std::vector<Key> keys;                // by place, each once
  std::map<Ref, std::string> prefixes;  // of each dict with tensors: its name, then "."
};

// `targets` has each trail's new name, empty where it is dropped. A dict keeps its key where it
// can. Throws Error(kUnsupported), naming the variable, where a name would need another dict.
NewKeys find_new_keys(const Trails& trails, const std::vector<std::string_view>& targets);

}  // namespace ckpt::torch
