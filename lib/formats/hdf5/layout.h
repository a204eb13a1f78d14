#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/hdf5/notes.h"
#include "formats/hdf5/source.h"
#include "formats/hdf5/walk.h"

namespace ckpt::hdf5 {

// How a file arranges its names. Recognised by attributes and paths, never by the file's name:
//
//     layout                    recognised by                            a variable's name
//     native                    root attribute ckpt_format = "native"    path without ":0"
//     Keras 0 weights           nb_layers; graph group with nb_params    path
//     Keras 1, 2 weights        layer_names [layer_names0 …]             LAYER/WEIGHT
//     Keras 1, 2 model          the same inside model_weights/           LAYER/WEIGHT, optimizer/…
//     Keras 3 legacy …          the same with keras_version 3            as Keras 2
//     Keras 3 weights           all datasets are …/vars/NUMBER           path
//     plain                     nothing of these                         path
//
// Weight names come from the layer groups' attribute weight_names, without the layer's own name in
// front and without ":0". Where the better names would not be unique, a variable keeps its path.

inline constexpr std::string_view kKeras3Weights = "Keras 3 weights";

struct Layout {
  std::string words;  // which it is
  // Of the variables that are not called by their path, by their position in it: the name.
  std::map<std::size_t, std::string> names;
};

// The layout of a file whose walk gave out datasets at `paths`. Names of layers or weights that
// name nothing become notes.
Layout read_layout(const Source& source, const Walk& walk, std::span<const std::string_view> paths,
                   Notes& notes);

// The names of the layers in a file of Keras 3 weights, which the groups "vars" have as an
// attribute:
// {"layers/dense", "dense_19"}. Those that are the scope's own last segment are left out.
std::map<std::string, std::string, std::less<>> keras3_layers(const Source& source,
                                                              const Walk& walk);

// The text of a string attribute, its elements; empty where there is none or it is no text.
std::vector<std::string> text_attribute(const Source& source, ObjectId id, const std::string& name);

// `weight` without the layer's name in front: "dense/kernel" of the layer "dense" is "kernel".
// Keras 3 and nested models put the model's name before it: "sequential/dense/kernel".
std::string_view without_repetition(std::string_view weight, std::string_view layer);

// A list that Keras wrote: as attribute `name`, or in parts `name`0, `name`1, … where it is longer
// than the 64 KB that an attribute can have. Empty where it has none.
std::optional<std::vector<std::string>> keras_list(const Source& source, ObjectId group,
                                                   const std::string& name);

}  // namespace ckpt::hdf5
