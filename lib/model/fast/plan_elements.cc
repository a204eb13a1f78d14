#include <algorithm>
#include <cmath>

#include "model/fast/planner.h"
#include "model/fast/sizes.h"
#include "model/ops/op.h"
#include "model/ops/window.h"

namespace ckpt::fast {
namespace {

std::vector<float> floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

void apply(Frame& frame, const Epilogue& epilogue, float* values, std::size_t count) {
  if (epilogue.function) frame.kernels.apply(*epilogue.function, values, count);
}

}  // namespace

bool Planner::plan_pool(const Node& node) {
  const std::size_t value = node.inputs[0].value;
  const bool is_max = node.operation.kind == "max_pool";
  plan_window(node, {.kind = is_max ? WindowLayer::Kind::kMaxPool : WindowLayer::Kind::kAveragePool,
                     .in = image_of(ops::five_dimensions(shape(value))),
                     .window = ops::forward_window(node.operation, shape(value))});
  return true;
}

void Planner::plan_window(const Node& node, WindowLayer layer) {
  need_scratch(0, layer.scratch_rows());
  const WindowLayer& planned = plan_.windows.emplace_back(std::move(layer));
  const std::size_t in = read_slot(node.inputs[0].value);
  const std::size_t out = slot_for(node.outputs[0]);
  add_step(node, node.name,
           [&planned, in, out](Frame& frame) { planned.run(frame, frame.at(in), frame.at(out)); });
}

bool Planner::plan_global_pool(const Node& node) {
  const Shape& shape = this->shape(node.inputs[0].value);
  if (shape.size() < 3 || shape.size() > 5) return false;
  const Image image = image_of(ops::five_dimensions(shape));
  if (node.operation.kind == "global_max_pool") {
    plan_window(node, {.in = image, .window = {.size = image.size}});
    return true;
  }
  const std::size_t in = read_slot(node.inputs[0].value);
  const std::size_t out = slot_for(node.outputs[0]);
  const auto channels = to_size(image.channels);
  const auto places = to_size(image.places());
  // Sums of at most so many places are summed up: one long sum in float would lose digits.
  constexpr std::size_t kShort = 64;
  const std::size_t blocks = divided_up(places, kShort);
  const auto batch = to_size(image.batch);
  const std::size_t sums = new_slot(batch * blocks * channels);
  add_step(node, node.name, [=](Frame& frame) {
    share(frame, batch * blocks, kShort * channels, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        const std::size_t begin = i % blocks * places / blocks;
        const std::size_t end = (i % blocks + 1) * places / blocks;
        frame.kernels.mean(frame.at(in) + (i / blocks * places + begin) * channels, end - begin,
                           channels, 1, frame.at(sums) + i * channels);
      }
    });
    for (std::size_t n = 0; n < batch; ++n) {
      frame.kernels.mean(frame.at(sums) + n * blocks * channels, blocks, channels, places,
                         frame.at(out) + n * channels);
    }
  });
  return true;
}

void Planner::plan_normalize(const Node& node, Scales scales) {
  const Tail tail = tail_of(node, false, false);
  // Few channels, as those of a picture, would leave most of a register idle: two neighbours are
  // taken for one place with twice the channels, as long as that is possible.
  constexpr std::size_t kEnough = 256;
  const std::size_t count = elements(tail.output);
  while (scales.mean.size() < kEnough && count % (2 * scales.mean.size()) == 0) {
    for (auto* each : {&scales.mean, &scales.scale, &scales.shift}) {
      const std::vector<double> once = *each;
      each->insert(each->end(), once.begin(), once.end());
    }
  }
  const std::size_t in = read_slot(node.inputs[0].value);
  const std::size_t out = slot_for(tail.output);
  const std::size_t channels = scales.mean.size();
  add_step(node, tail.name,
           [=, places = count / channels, epilogue = tail.epilogue, mean = floats(scales.mean),
            scale = floats(scales.scale), shift = floats(scales.shift)](Frame& frame) {
             share(frame, places, channels, [&](std::size_t first, std::size_t last) {
               float* to = frame.at(out) + first * channels;
               frame.kernels.normalize(frame.at(in) + first * channels, last - first, channels,
                                       mean.data(), scale.data(), shift.data(), epilogue.limits,
                                       to);
               apply(frame, epilogue, to, (last - first) * channels);
             });
           });
}

bool Planner::plan_batch_norm(const Node& node) {
  if (!is_over_channels(node.operation, shape(node.outputs[0]))) return false;
  plan_normalize(node, batch_norm_of(node));
  return true;
}

// Over the last axis. A row is summed up in double, as the reference does it.
bool Planner::plan_layer_norm(const Node& node) {
  const Operation& op = node.operation;
  const Shape& shape = this->shape(node.outputs[0]);
  const auto& axes = op.attributes.integers("axes");
  const bool is_last = axes.size() == 1 && ops::axis_of(axes[0], shape.size()) + 1 == shape.size();
  if (!is_last || op.attributes.flag("rms_scaling")) return false;
  const auto width = to_size(shape.back());
  const std::size_t in = read_slot(node.inputs[0].value);
  const std::size_t out = slot_for(node.outputs[0]);
  add_step(node, node.name,
           [=, rows = elements(node.outputs[0]) / width, epsilon = op.attributes.number("epsilon"),
            gamma = floats(numbers(op, "gamma", width, 1)),
            beta = floats(numbers(op, "beta", width, 0))](Frame& frame) {
             share(frame, rows, 4 * width, [&](std::size_t first, std::size_t last) {
               for (std::size_t row = first; row < last; ++row) {
                 const float* x = frame.at(in) + row * width;
                 float* y = frame.at(out) + row * width;
                 double mean = 0;
                 for (std::size_t i = 0; i < width; ++i) mean += x[i];
                 mean /= static_cast<double>(width);
                 double squares = 0;
                 for (std::size_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
                 const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
                 for (std::size_t i = 0; i < width; ++i) {
                   y[i] = static_cast<float>((x[i] - mean) * scale * gamma[i] + beta[i]);
                 }
               }
             });
           });
  return true;
}

// Numbers for each channel, or one for all.
bool Planner::plan_normalization(const Node& node) {
  const Operation& op = node.operation;
  const bool is_stored = variable(op, "mean").has_value();
  Scales scales;
  scales.mean = is_stored ? numbers(op, "mean", 0, 0) : op.attributes.numbers("mean");
  scales.scale = is_stored ? numbers(op, "variance", 0, 0) : op.attributes.numbers("variance");
  const auto channels = to_size(shape(node.outputs[0]).back());
  if (op.attributes.flag("invert") || !spread({&scales.mean, &scales.scale}, channels)) {
    return false;
  }
  for (double& x : scales.scale) x = 1 / std::max(std::sqrt(x), 1e-7);
  scales.shift.assign(channels, 0);
  plan_normalize(node, scales);
  return true;
}

bool Planner::plan_rescaling(const Node& node) {
  Scales scales{
      {0}, node.operation.attributes.numbers("scale"), node.operation.attributes.numbers("offset")};
  const auto channels = to_size(shape(node.outputs[0]).back());
  if (!spread({&scales.mean, &scales.scale, &scales.shift}, channels)) return false;
  plan_normalize(node, scales);
  return true;
}

// Makes as many of each as there are channels; false where they are neither that nor one.
bool Planner::spread(const std::vector<std::vector<double>*>& numbers, std::size_t channels) {
  for (std::vector<double>* each : numbers) {
    if (each->size() == 1) each->resize(channels, each->front());
    if (each->size() != channels) return false;
  }
  return true;
}

bool Planner::plan_activation(const Node& node) {
  const auto epilogue = epilogue_of(node.operation);
  if (!epilogue) return false;
  const std::size_t in = read_slot(node.inputs[0].value);
  const std::size_t out = slot_for(node.outputs[0]);
  add_step(node, node.name,
           [=, epilogue = *epilogue, count = elements(node.outputs[0])](Frame& frame) {
             share(frame, count, 1, [&](std::size_t first, std::size_t last) {
               float* to = frame.at(out) + first;
               frame.kernels.clamp(frame.at(in) + first, last - first, epilogue.limits, to);
               apply(frame, epilogue, to, last - first);
             });
           });
  return true;
}

// Two of them, of one shape; more, or such that are repeated, are the reference's.
bool Planner::plan_add(const Node& node) {
  if (node.inputs.size() != 2) return false;
  const std::size_t a = node.inputs[0].value;
  const std::size_t b = node.inputs[1].value;
  if (shape(a) != shape(b)) return false;
  const Tail tail = tail_of(node, false, false);
  const std::size_t slot_a = read_slot(a);
  const std::size_t slot_b = read_slot(b);
  const std::size_t out = slot_for(tail.output);
  add_step(node, tail.name,
           [=, epilogue = tail.epilogue, count = elements(tail.output)](Frame& frame) {
             share(frame, count, 1, [&](std::size_t first, std::size_t last) {
               float* to = frame.at(out) + first;
               frame.kernels.add(frame.at(slot_a) + first, frame.at(slot_b) + first, last - first,
                                 epilogue.limits, to);
               apply(frame, epilogue, to, last - first);
             });
           });
  return true;
}

// Two of one shape, or one of them has a number for each channel of each image.
bool Planner::plan_multiply(const Node& node) {
  if (node.inputs.size() != 2) return false;
  std::size_t a = node.inputs[0].value;
  std::size_t b = node.inputs[1].value;
  if (elements(a) < elements(b)) std::swap(a, b);
  const Shape& wide = shape(a);
  const bool is_same = wide == shape(b);
  const auto channels = to_size(wide.back());
  Shape factors(wide.size(), 1);
  factors.front() = wide.front();
  factors.back() = wide.back();
  if (wide != shape(node.outputs[0]) || (!is_same && shape(b) != factors)) return false;
  const std::size_t slot_a = read_slot(a);
  const std::size_t slot_b = read_slot(b);
  const std::size_t out = slot_for(node.outputs[0]);
  const std::size_t batch = is_same ? 1 : to_size(wide.front());
  const std::size_t image = elements(a) / batch;  // all of it where nothing is repeated
  add_step(node, node.name, [=](Frame& frame) {
    for (std::size_t n = 0; n < batch; ++n) {
      const float* x = frame.at(slot_a) + n * image;
      float* y = frame.at(out) + n * image;
      const std::size_t unit = is_same ? 1 : channels;
      share(frame, image / unit, unit, [&](std::size_t first, std::size_t last) {
        if (is_same) {
          frame.kernels.multiply_each(x + first, frame.at(slot_b) + first, last - first, y + first);
        } else {
          frame.kernels.scale(x + first * unit, last - first, unit, frame.at(slot_b) + n * unit,
                              y + first * unit);
        }
      });
    }
  });
  return true;
}

bool Planner::plan_binary(const Node& node) {
  if (is_binary(node.operation, "add")) return plan_add(node);
  return is_binary(node.operation, "multiply") && plan_multiply(node);
}

bool Planner::plan_concatenate(const Node& node) {
  const std::size_t value = node.outputs[0];
  const std::size_t axis =
      ops::axis_of(node.operation.attributes.integer("axis", -1), shape(value).size());
  struct Part {
    std::size_t slot, width;  // floats that lie together
  };
  std::vector<Part> parts;
  for (const Input& input : node.inputs) {
    const AxisView view = view_axis(shape(input.value), axis);
    parts.push_back({read_slot(input.value), view.extent * view.inner});
  }
  const AxisView view = view_axis(shape(value), axis);
  const std::size_t width = view.extent * view.inner;
  const std::size_t out = slot_for(value);
  add_step(node, node.name, [=, outer = view.outer](Frame& frame) {
    share(frame, outer, width, [&](std::size_t first, std::size_t last) {
      for (std::size_t row = first; row < last; ++row) {
        float* to = frame.at(out) + row * width;
        for (const Part& part : parts) {
          to = std::copy_n(frame.at(part.slot) + row * part.width, part.width, to);
        }
      }
    });
  });
  return true;
}

// A copy with zeros around it.
bool Planner::plan_zeros(const Node& node) {
  const std::size_t value = node.inputs[0].value;
  const auto& amounts = node.operation.attributes.integers("amounts");
  const std::size_t dimensions = amounts.size() / 2;
  kernels::Extents before{};
  for (std::size_t d = 0; d < dimensions; ++d) before[3 - dimensions + d] = amounts[2 * d];
  const Image from = image_of(ops::five_dimensions(shape(value)));
  const Image to = image_of(ops::five_dimensions(shape(node.outputs[0])));
  const std::size_t in = read_slot(value);
  const std::size_t out = slot_for(node.outputs[0]);
  const auto rows = to_size(to.batch * to.size[0] * to.size[1]);
  add_step(node, node.name, [=](Frame& frame) {
    share(frame, rows, to_size(to.row()), [&](std::size_t first, std::size_t last) {
      for (auto row = static_cast<std::int64_t>(first); row < static_cast<std::int64_t>(last);
           ++row) {
        float* at = frame.at(out) + row * to.row();
        std::fill_n(at, to.row(), 0.0F);
        const std::int64_t y = row % to.size[1] - before[1];
        const std::int64_t z = row / to.size[1] % to.size[0] - before[0];
        if (y < 0 || y >= from.size[1] || z < 0 || z >= from.size[0]) continue;
        const std::int64_t n = row / to.size[1] / to.size[0];
        std::copy_n(frame.at(in) + ((n * from.size[0] + z) * from.size[1] + y) * from.row(),
                    from.row(), at + before[2] * to.channels);
      }
    });
  });
  return true;
}

// Whole rows are copied where the last axis stays, else single floats.
bool Planner::plan_permute(const Node& node) {
  const Shape& from = shape(node.inputs[0].value);
  const Shape& to = shape(node.outputs[0]);
  const auto& axes = node.operation.attributes.integers("axes");
  if (axes.size() != to.size() || to.empty()) return false;
  std::vector<std::size_t> stride(from.size(), 1);  // of the input
  for (std::size_t a = from.size() - 1; a-- > 0;) stride[a] = stride[a + 1] * to_size(from[a + 1]);
  struct Axis {
    std::size_t extent, stride;
  };
  std::vector<Axis> outer;
  for (std::size_t a = 0; a < to.size(); ++a) {
    outer.push_back({to_size(to[a]), stride[ops::axis_of(axes[a], from.size())]});
  }
  const Axis inner = outer.back();
  outer.pop_back();
  const std::size_t in = read_slot(node.inputs[0].value);
  const std::size_t out = slot_for(node.outputs[0]);
  add_step(node, node.name, [=, rows = elements(node.outputs[0]) / inner.extent](Frame& frame) {
    share(frame, rows, inner.extent, [&](std::size_t first, std::size_t last) {
      for (std::size_t row = first; row < last; ++row) {
        const float* at = frame.at(in);
        std::size_t left = row;
        for (std::size_t a = outer.size(); a-- > 0;) {
          at += left % outer[a].extent * outer[a].stride;
          left /= outer[a].extent;
        }
        float* y = frame.at(out) + row * inner.extent;
        for (std::size_t i = 0; i < inner.extent; ++i) y[i] = at[i * inner.stride];
      }
    });
  });
  return true;
}

// The same floats in the same order, whatever their shape is called.
bool Planner::plan_same(const Node& node) {
  const std::size_t value = node.inputs[0].value;
  plan_.slot_of[node.outputs[0]] = plan_.slot_of[value];
  if (const auto it = constants_.find(value); it != constants_.end()) {
    constants_[node.outputs[0]] = it->second;
  }
  is_there_[node.outputs[0]] = true;
  return true;
}

}  // namespace ckpt::fast
