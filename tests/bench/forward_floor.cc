#include "forward_floor.h"

#include <Eigen/Core>
#include <algorithm>
#include <ctime>

#include "model/ops/window.h"

namespace {

using namespace ckpt;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Index = Eigen::Index;

}  // namespace

struct ForwardFloor::Layer {
  std::string kind;
  kernels::Window window;
  Index height = 1, width = 1, channels = 1;  // of the input
  bool copies = false;
  Matrix image;   // [height · width, channels]
  Matrix kernel;  // [window · channels, filters]; depthwise: [window, channels]
  Matrix columns;
  Matrix out;

  void fill_columns() {
    const Index kh = window.size[1];
    const Index kw = window.size[2];
    float* to = columns.data();
    for (Index y = 0; y < window.out[1]; ++y) {
      for (Index x = 0; x < window.out[2]; ++x) {
        for (Index i = 0; i < kh; ++i) {
          const Index row = y * window.strides[1] + i - window.before[1];
          for (Index j = 0; j < kw; ++j, to += channels) {
            const Index column = x * window.strides[2] + j - window.before[2];
            if (row < 0 || row >= height || column < 0 || column >= width) {
              std::fill_n(to, channels, 0.0F);
            } else {
              std::copy_n(image.data() + (row * width + column) * channels, channels, to);
            }
          }
        }
      }
    }
  }

  void run_depthwise() {
    for (Index y = 0; y < window.out[1]; ++y) {
      for (Index x = 0; x < window.out[2]; ++x) {
        float* to = out.data() + (y * window.out[2] + x) * channels;
        std::fill_n(to, channels, 0.0F);
        for (Index i = 0; i < window.size[1]; ++i) {
          const Index row = y * window.strides[1] + i - window.before[1];
          if (row < 0 || row >= height) continue;
          for (Index j = 0; j < window.size[2]; ++j) {
            const Index column = x * window.strides[2] + j - window.before[2];
            if (column < 0 || column >= width) continue;
            const float* from = image.data() + (row * width + column) * channels;
            const float* taps = kernel.data() + (i * window.size[2] + j) * channels;
            for (Index c = 0; c < channels; ++c) to[c] += from[c] * taps[c];
          }
        }
      }
    }
  }

  void run() {
    if (kind == "depthwise") return run_depthwise();
    if (copies) fill_columns();
    out.noalias() = (copies ? columns : image) * kernel;
  }
};

std::string floor_kind(const Node& node) {
  const Operation& op = node.operation;
  if (op.kind == "dense") return "dense";
  if (op.kind == "depthwise_conv") return "depthwise";
  if (op.kind != "conv") return "";
  return op.attributes.integers("window") == std::vector<std::int64_t>{1, 1} ? "conv 1x1" : "conv";
}

ForwardFloor::ForwardFloor(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    Layer layer;
    layer.kind = floor_kind(node);
    if (layer.kind.empty()) continue;
    const Shape& in = graph.values[node.inputs[0].value].shape;
    const Shape& kernel = graph.variables[node.operation.variables[0].variable].shape;
    layer.channels = in.back();
    if (layer.kind != "dense") {
      layer.window = ops::forward_window(node.operation, in);
      layer.height = in[1];
      layer.width = in[2];
    }
    layer.image = Matrix::Random(layer.height * layer.width, layer.channels);
    const Index taps = layer.window.size[1] * layer.window.size[2];
    const Index places = layer.window.out[1] * layer.window.out[2];
    const bool is_depthwise = layer.kind == "depthwise";
    const Index filters = is_depthwise ? layer.channels : kernel.back();
    layer.kernel = Matrix::Random(is_depthwise ? taps : taps * layer.channels, filters);
    layer.copies = !is_depthwise && (taps > 1 || layer.window.strides[1] > 1);
    if (layer.copies) layer.columns = Matrix::Zero(places, taps * layer.channels);
    layer.out = Matrix::Zero(places, filters);
    layers_.push_back(std::move(layer));
  }
}

ForwardFloor::~ForwardFloor() = default;

std::vector<ForwardFloor::Cost> ForwardFloor::run() {
  std::vector<Cost> costs;
  for (Layer& layer : layers_) {
    const double start = processor_seconds();
    layer.run();
    costs.push_back({layer.kind, processor_seconds() - start});
  }
  return costs;
}

double ForwardFloor::multiplications() const {
  double sum = 0;
  for (const Layer& layer : layers_) {
    sum += static_cast<double>(layer.out.size()) * static_cast<double>(layer.kernel.rows());
  }
  return sum;
}

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
