#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "formats/torch/pickle.h"

namespace ckpt::torch {

// A tensor: a view of a storage.
struct View {
  std::size_t storage = 0;  // of Pickle::storages
  DType dtype = DType::kOther;
  std::string native;  // where `dtype` does not say all of it
  std::uint32_t element_size = 0;
  Shape shape;
  std::vector<std::int64_t> stride;  // in elements; empty where the view has no plain values
  std::int64_t offset = 0;           // in elements

  friend bool operator==(const View&, const View&) = default;
};

struct NamedView {
  std::string name;
  std::vector<std::string> aliases;  // other names of the same view, sorted
  View view;
};

// What a pickle has of tensors, in its order.
//
// Names are keys of dicts, positions in lists and attributes of objects, from the outside in, with
// "." between them: {"state_dict": {"fc.weight": …}} is "state_dict.fc.weight". PyTorch's own names
// have their scopes with ".", so a dict around them is one more scope, and one separator serves all
// rules. An object of torch.nn.modules is named as its state_dict() would be.
struct Tensors {
  std::vector<NamedView> views;
  std::string layout;  // "state dict", "nested dict", "module", "list", "tensor"
  std::vector<std::string> notes;
};

// How the walk came to a tensor, from the outside in.
struct Trail {
  struct Step {
    std::uint32_t sequence = 0;  // of Pickle::sequences
    std::size_t position = 0;    // of the key, or of the item
    bool is_key = false;
    std::size_t end = 0;  // of the name up to here; as before where the step adds nothing to it
  };
  std::string name;
  std::vector<Step> steps;
};

// Throws Error: kCorrupt where a tensor is not inside its storage or two have one name;
// kUnsupported past a limit.
// `trails` gets one for each name, aliases too, in the order of the walk; it may be null.
Tensors find_tensors(const Pickle& pickle, std::vector<Trail>* trails = nullptr);

}  // namespace ckpt::torch
