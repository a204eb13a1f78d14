#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/fast/frame.h"
#include "model/fast/matmul_layer.h"
#include "model/fast/product_layer.h"
#include "model/fast/scatter_layer.h"
#include "model/fast/window_layer.h"
#include "model/kernels/activation.h"
#include "model/variable_loader.h"

namespace ckpt::fast {

// A part of a run: one layer or several that were made one.
struct Step {
  std::string name;            // "conv1 + bn1 + relu1"
  const Node* node = nullptr;  // the first layer
  bool is_reference = false;
  std::function<void(Frame&)> run;
  std::vector<std::size_t> dropped;  // values in Frame::others that nobody reads after it
};

// How a graph is run: decided before the first run, together with the memory. Plain data.
struct Plan {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::vector<Step> steps;
  std::deque<ProductLayer> products;  // steps point to these: a deque keeps them where they are
  std::deque<WindowLayer> windows;
  std::deque<MatmulLayer> matmuls;
  std::deque<ScatterLayer> scatters;
  std::vector<Slot> slots;
  struct Constant {
    std::size_t slot, variable;
  };
  std::vector<Constant> constants;   // slots that hold a variable from beginning to end
  std::vector<std::size_t> slot_of;  // by value; kNone: it is in Frame::others, or nowhere
  std::size_t memory = 0;            // floats in all slots
  std::size_t variables = 0;         // bytes of kernels
  std::size_t scratch_floats = 0;    // a thread
  std::size_t scratch_rows = 0;
};

// The part of a kernel that does what a layer does which is an activation; empty where none does.
std::optional<Epilogue> epilogue_of(const Operation& op);

// Is it that function of two tensors, element by element?
bool is_binary(const Operation& op, std::string_view function);

// Is the operation's attribute "axis" the last one of that shape?
bool is_over_channels(const Operation& op, const Shape& shape);

// Makes a plan. What the kernels have no function for runs on the reference's operation; values
// that are not f32 are the reference's throughout.
//
// Layers become one where the value between them has no other reader and is not asked for: a
// padding with zeros and the convolution after it (never a pooling, for which what is outside is
// not zero); a convolution or dense layer, the batch normalization after it, which changes its
// variables, the sum with another branch, and the activation.
class Planner {
 public:
  // `graph` has no unknown extents. All must outlive the plan. `keep_layers`: every layer's output
  // is asked for.
  Planner(const Graph& graph, VariableLoader& variables, const Kernels& kernels,
          std::size_t threads, bool keep_layers);

  // Reads all variables that the fast kernels take. Throws what VariableLoader::get() throws.
  Plan plan();

 private:
  using Handler = bool (Planner::*)(const Node&);

  // What follows a layer and becomes one with it.
  struct Tail {
    std::size_t output = 0;         // the value that comes out in the end
    std::vector<double> factors{};  // of each channel; none: 1
    std::vector<double> shifts{};   // none: 0
    std::optional<std::size_t> residual{};
    Epilogue epilogue{};
    std::optional<kernels::Activation> slow{};  // an activation that has no kernel, at the end
    std::string name{};
  };

  void plan_node(const Node& node);
  void plan_reference(const Node& node);

  // One for each kind of operation: plans the node, or says that it cannot.
  bool plan_conv(const Node& node);
  bool plan_depthwise(const Node& node);
  bool plan_separable(const Node& node);
  bool plan_conv_transpose(const Node& node);
  bool plan_dense(const Node& node);
  bool plan_pool(const Node& node);
  bool plan_global_pool(const Node& node);
  bool plan_padding(const Node& node);
  bool plan_zeros(const Node& node);
  bool plan_batch_norm(const Node& node);
  bool plan_layer_norm(const Node& node);
  bool plan_normalization(const Node& node);
  bool plan_rescaling(const Node& node);
  bool plan_activation(const Node& node);
  bool plan_add(const Node& node);
  bool plan_multiply(const Node& node);
  bool plan_binary(const Node& node);
  bool plan_concatenate(const Node& node);
  bool plan_same(const Node& node);
  bool plan_permute(const Node& node);
  bool plan_variable(const Node& node);
  bool plan_matmul(const Node& node);
  bool plan_einsum_dense(const Node& node);
  bool plan_embedding(const Node& node);
  bool plan_reverse_embedding(const Node& node);

  void plan_product(const Node& node, std::size_t in, const Image& image,
                    const kernels::Window& window, std::size_t groups, std::size_t kernel,
                    const Tail& tail, bool is_transposed = false);
  void plan_rows(const Node& node, std::size_t kernel, std::int64_t width,
                 bool is_transposed = false);

  [[nodiscard]] bool is_floats(std::size_t value) const;
  [[nodiscard]] bool gives_floats(const Node& node) const;
  [[nodiscard]] bool is_plain(const Node& node) const;
  [[nodiscard]] const Shape& shape(std::size_t value) const { return graph_.values[value].shape; }
  [[nodiscard]] std::size_t elements(std::size_t value) const { return elements_of(shape(value)); }
  [[nodiscard]] std::optional<std::size_t> variable(const Operation& op, const char* role) const;
  std::vector<double> numbers(const Operation& op, const char* role, std::size_t count,
                              double otherwise);
  [[nodiscard]] const Node* only_reader(std::size_t value) const;
  [[nodiscard]] bool is_convolution(const Node& node) const;

  // The input of a convolution, with the zeros around it that a layer in front puts there.
  struct Source {
    std::size_t value = 0;
    Image image;
    kernels::Window window;
  };
  Source source_of(const Node& node);

  void plan_depthwise_part(const Node& node, const Source& source, std::size_t in, const Tail& tail,
                           std::size_t out);
  std::vector<double> bias_of(const Operation& op, std::size_t filters, const Tail& tail);
  void plan_window(const Node& node, WindowLayer layer);

  // (x - mean) · scale + shift, for each channel.
  struct Scales {
    std::vector<double> mean, scale, shift;
  };
  Scales batch_norm_of(const Node& node);
  static bool spread(const std::vector<std::vector<double>*>& numbers, std::size_t channels);
  void plan_normalize(const Node& node, Scales scales);

  // Takes the layers behind `node` that can become one with it. `has_kernel`: factors can go into
  // its variables; `can_add`: it has an end at which another value can be added.
  Tail tail_of(const Node& node, bool has_kernel, bool can_add);

  std::size_t new_slot(std::size_t size);
  std::size_t slot_for(std::size_t value);   // of a value that the next step writes
  std::size_t read_slot(std::size_t value);  // of one that it reads
  [[nodiscard]] bool has_slot(std::size_t value) const;
  void drop_after(const Node& node);  // what only the last step's node still read
  void need_scratch(std::size_t floats, std::size_t rows);
  void add_step(const Node& node, const std::string& name, std::function<void(Frame&)> run);

  const Graph& graph_;
  VariableLoader& variables_;
  const Kernels& kernels_;
  std::size_t threads_;
  Plan plan_;
  std::vector<std::vector<const Node*>> readers_;  // by value
  std::vector<bool> is_asked_for_;                 // by value
  std::vector<bool> is_there_;                     // by value: a step gives it
  std::map<const Node*, bool> is_done_;            // became part of a step
  std::map<std::size_t, std::size_t> constants_;   // by value: the variable that it is
  std::map<std::size_t, const Node*> paddings_;    // by value: who would have given it
};

}  // namespace ckpt::fast
