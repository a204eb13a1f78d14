#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/keras/container.h"
#include "model/keras/layer.h"
#include "model/keras/op_nodes.h"

namespace ckpt::keras {

// Where a layer stands: its name with the models around it, and what its variables are called by.
struct Place {
  std::string path;
  VariableHints hints;
};

// Turns a model's layers into the nodes of a graph. A layer becomes an operation at its first call;
// later calls share its variables.
class Builder {
 public:
  Builder(Graph& graph, Dialect dialect, std::string backend)
      : emitter_(graph), dialect_(dialect), backend_(std::move(backend)) {}

  // The whole model: its inputs, nodes and outputs.
  void build(const Container& model, const Json& root);

 private:
  std::vector<Flow> call_container(const Container& container, const std::vector<Flow>& inputs,
                                   const Place& place, std::size_t instance);
  std::vector<Flow> call_sequential(const Container& container, const std::vector<Flow>& inputs,
                                    const Place& place, std::size_t instance);
  std::vector<Flow> call_functional(const Container& container, const std::vector<Flow>& inputs,
                                    const Place& place, std::size_t instance);
  // `call` numbers the layer's calls; the layer's outputs are recorded under it.
  std::vector<Flow> call_layer(const LayerConfig& layer, const Arguments& arguments,
                               const Place& place, std::size_t call, bool record);
  std::vector<Flow> call_plain(const LayerConfig& layer, const Arguments& arguments,
                               const Place& place, std::size_t call);
  std::vector<Flow> call_wrapper(const LayerConfig& layer, const Arguments& arguments,
                                 const Place& place, std::size_t call);
  Place place_of(const LayerConfig& layer, const Place& parent) const;

  struct Built {
    Operation op;
    std::size_t calls = 0;
  };

  ops::Emitter emitter_;
  Dialect dialect_;
  std::string backend_;
  std::map<const LayerConfig*, Built> built_;
  std::map<const Container*, std::size_t> instances_;
  int depth_ = 0;
  std::size_t calls_ = 0;  // of layers and of models, which may have no operation of their own
};

}  // namespace ckpt::keras
