#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/edit.h"
#include "core/string_pool.h"
#include "formats/edit/wishes.h"
#include "formats/hdf5_edit/census.h"
#include "formats/hdf5_edit/keras_config.h"
#include "scope/tree_moves.h"

namespace ckpt::hdf5 {

// Where everything must lie in the file so that it has these names.
struct Naming {
  // In the order of Wishes::names: views into the census, the wishes' edit, and `strings`.
  std::vector<PathMoveView> leaves;
  StringPool strings;
  std::vector<std::string> puts;
  // Groups that go first, whole, with their attributes: the layers of a Keras file.
  std::vector<std::pair<std::string, std::string>> groups;
  std::vector<Operation> texts;  // of kind kTexts, on paths as they are then, views of `strings`
  std::vector<std::string> notes;
  LayerNames layers;  // of a file of Keras 3 weights: what is renamed in a config elsewhere
};

// Decides it by the file's layout. `by_path` disregards the layout. Throws Error(kInvalid) where
// names cannot be stored, kUnsupported where the layout cannot express them.
Naming place_names(const Source& source, const Census& census, const Wishes& wishes,
                   const Edit& edit, bool by_path);

// The same for Keras files; called by place_names().
Naming place_keras_names(const Source& source, const Census& census, const Wishes& wishes,
                         const Edit& edit);

// Of files of Keras 3 weights, whose names are paths: makes the layers' own names follow where
// `naming` moves them; called by place_names().
void name_keras3_layers(const Source& source, const Census& census, Naming& naming);

}  // namespace ckpt::hdf5
