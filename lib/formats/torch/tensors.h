#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/string_pool.h"
#include "formats/torch/pickle.h"

namespace ckpt::torch {

// A name of a tensor, and which of Pickle::views it is.
struct NamedView {
  std::string_view name;
  std::uint32_t view = 0;
  std::uint32_t original = 0;  // the first of Tensors::views that is the same view: itself, or else
                               // this name is an alias of that
};

// What a pickle has of tensors, in its order.
//
// Names are keys of dicts, positions in lists and attributes of objects, from the outside in, with
// "." between them: {"state_dict": {"fc.weight": …}} is "state_dict.fc.weight". PyTorch's own names
// have their scopes with ".", so a dict around them is one more scope, and one separator serves all
// rules. An object of torch.nn.modules is named as its state_dict() would be.
struct Tensors {
  std::vector<NamedView> views;
  StringPool names;
  std::string layout;  // "state dict", "nested dict", "module", "list", "tensor"
  std::vector<std::string> notes;
};

// How the walk came to each tensor, from the outside in.
struct Trails {
  struct Step {
    Ref sequence = 0;
    std::uint32_t position = 0;  // of the key, or of the item
    bool is_key = false;
    std::size_t end = 0;  // of the name up to here; as before where the step adds nothing to it
  };
  struct Trail {
    std::string_view name;    // in Tensors::names
    std::uint32_t first = 0;  // which of `steps`
    std::uint32_t count = 0;
  };
  std::vector<Trail> list;
  std::vector<Step> steps;

  [[nodiscard]] std::span<const Step> steps_of(const Trail& trail) const {
    return std::span(steps).subspan(trail.first, trail.count);
  }
};

// Adds the views of tensors that are not there yet. Throws Error: kCorrupt where a tensor is not
// inside its storage or two have one name; kUnsupported past a limit.
// `trails` gets one for each name, aliases too, in the order of the walk; it may be null.
Tensors find_tensors(Pickle& pickle, Trails* trails = nullptr);

}  // namespace ckpt::torch
