#include "networks.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "model/fit.h"
#include "model/initial_checkpoint.h"
#include "model/keras.h"
#include "model/program.h"

namespace {

using namespace ckpt;
namespace fs = std::filesystem;

Graph read_shipped(const std::string& name) {
  const std::string path = cat(CKPT_FIXTURES, "/graphs/", name, ".json");
  std::ifstream file(path);
  if (!file) throw Error(Errc::kNotFound, cat(path, ": is not there"));
  return read_graph_file(std::string(std::istreambuf_iterator<char>(file), {}),
                         {.file = fs::path(path).filename()});
}

MemoryCheckpoint copy_of(const Reader& reader) {
  MemoryCheckpoint copy;
  for (std::size_t i = 0; i < reader.index().entries.size(); ++i) {
    copy.add(reader.index().entries[i].name, reader.read(i));
  }
  return copy;
}

}  // namespace

Network load_network(const std::string& name) {
  Network network{.name = name};
  if (name == "mobilenetv2") {
    const std::string path = CKPT_SHARED "/models/keras/app_mobilenetv2/model.h5";
    if (!fs::exists(path)) throw Error(Errc::kNotFound, cat(path, ": is not there"));
    const auto reader = open_checkpoint(path);
    const Metadata metadata = reader->metadata();
    network.graph =
        read_keras_config(metadata.at("model_config"), keras_options(reader->index(), metadata));
    bind_keras(network.graph, reader->index());
    network.variables = copy_of(*reader);
  } else {
    network.graph = read_shipped(name);
    const auto reader = open_initial(network.graph);
    network.variables = copy_of(*reader);
    bind_by_name(network.graph, reader->index());
  }
  network.graph = with_inputs(network.graph, {{DType::kF32, {1, 224, 224, 3}}});
  return network;
}
