#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/graph.h"
#include "model/keras/config.h"

namespace ckpt::keras {

// Declares the variables of a layer, and of the layers inside of it.
class VariableMaker {
 public:
  // `config` is the layer's, which outlives the maker.
  VariableMaker(Graph& graph, VariableHints base, std::string name, const Config& config)
      : graph_(graph), base_(std::move(base)), name_(std::move(name)), config_(&config) {}

  struct Options {
    std::vector<std::string> gates{};  // of Keras 1
    bool trainable = true;
    bool optional = false;
    std::vector<std::int64_t> reversed{};  // axes to reverse
    // Where it is another one than variables of that role have (initializer.h).
    std::optional<Initializer> initializer{};
  };

  // Adds a variable to the graph and to the operation. `spelling`: the role, and other names that
  // files have for it.
  void add(Operation& op, std::string role, Shape shape, std::vector<std::string> spelling) {
    add(op, std::move(role), std::move(shape), std::move(spelling), Options{});
  }
  void add(Operation& op, std::string role, Shape shape, std::vector<std::string> spelling,
           Options options);

  // The maker of a layer inside: `attribute` is what `.weights.h5` calls it ("cell"), `scope` the
  // layer's own name, empty where legacy files do not show it.
  [[nodiscard]] VariableMaker inside(const std::string& attribute, const std::string& scope) const;

  // The same maker for a layer that has a config of its own.
  [[nodiscard]] VariableMaker with(const Config& config) const {
    VariableMaker maker = *this;
    maker.config_ = &config;
    return maker;
  }

 private:
  Graph& graph_;
  VariableHints base_;
  std::string name_;
  const Config* config_;
  std::size_t next_ = 0;  // the number of the next variable under vars/
};

// A layer that is about to become an operation.
struct LayerBuild {
  std::string class_name;
  const Config& config;
  Dialect dialect;
  const std::string& backend;
  const std::vector<Value>& inputs;
  Operation& op;
  VariableMaker& make;

  // The shape of the first input. Throws Error(kInvalid) where it has fewer dimensions.
  [[nodiscard]] const Shape& input(std::size_t least_rank) const;
  // That extent of the first input. Throws Error(kInvalid) where it is unknown.
  [[nodiscard]] std::int64_t extent(std::int64_t axis) const;
  // Those of the class: "Conv2D" has two. A class that does not say has two.
  [[nodiscard]] std::size_t spatial_dimensions() const;
  // A spatial layer's data format; sets the operation's attribute.
  bool set_channels_first() const;
  // Puts an activation, "activation" or another key, among the attributes. `otherwise` stands for
  // a missing one.
  void set_activation(const std::string& key = "activation",
                      const std::string& otherwise = "linear") const;
  // Is the backend one whose convolutions flip the kernel?
  [[nodiscard]] bool flips() const { return backend == "theano"; }
};

// What a layer does with the mask of its input.
enum class MaskUse : std::uint8_t {
  kStops,     // it neither reads it nor passes it on
  kPasses,    // its output has the mask of its inputs
  kSequence,  // it reads it; its output has it where it is a sequence
  kReads,     // it reads it; its output has none
  kAttends,   // masks of query and value; its output has the query's
};

struct LayerClass {
  std::string_view name;
  void (*build)(const LayerBuild& build);
  MaskUse mask = MaskUse::kStops;
};

// The layer of that class, by its name in any dialect; null where there is none.
const LayerClass* find_layer_class(std::string_view name);
std::span<const std::span<const LayerClass>> all_layer_classes();

// Families of layers.
std::span<const LayerClass> core_layers();
std::span<const LayerClass> conv_layers();
std::span<const LayerClass> pool_layers();
std::span<const LayerClass> norm_layers();
std::span<const LayerClass> merge_layers();
std::span<const LayerClass> reshaping_layers();
std::span<const LayerClass> recurrent_layers();
std::span<const LayerClass> attention_layers();
std::span<const LayerClass> preprocessing_layers();

// The activation's name in our table of kernels and its parameter. Throws Error(kUnsupported) for
// one that is not known.
std::pair<std::string, double> read_activation(const Json* json, Dialect dialect,
                                               const std::string& otherwise);

}  // namespace ckpt::keras
