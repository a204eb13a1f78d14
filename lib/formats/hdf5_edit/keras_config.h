#pragma once

#include <map>
#include <string>

namespace ckpt::hdf5 {

// New names of a model's layers.
struct LayerNames {
  std::map<std::string, std::string> names;  // of the model's own layers, old to new
  // Of the layers inside a layer that is a model itself, however deep; by that layer's old name.
  std::map<std::string, std::map<std::string, std::string>> inner;
};

// `model_config`, the JSON of a Keras 1 or 2 model (also as Keras 3 writes it into such files),
// with layers renamed: their own names, and every reference from one layer to another
// (inbound_nodes, input_layers, output_layers, keras_history). Nothing else of the text changes,
// not a space. Throws Error: kCorrupt where it is no JSON, kConflict where two layers of one model
// would have one name.
std::string rename_in_model_config(const std::string& json, const LayerNames& names);

// The same of the config.json of a Keras 3 archive, which has the losses beside the model.
std::string rename_in_archive_config(const std::string& json, const LayerNames& names);

// `training_config` with the names of outputs renamed, by which losses and metrics are given.
std::string rename_in_training_config(const std::string& json, const LayerNames& names);

}  // namespace ckpt::hdf5
