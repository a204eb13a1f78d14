#include "model/kernels/dense.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// The three groups of letters of "abc,cd->abd".
struct Equation {
  std::string a, b, out;
};

Equation parse(const std::string& text) {
  const auto comma = text.find(',');
  const auto arrow = text.find("->");
  require(comma != std::string::npos && arrow != std::string::npos && comma < arrow,
          cat("'", text, "' is no equation of two operands"));
  Equation eq{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1),
              text.substr(arrow + 2)};
  for (const std::string* letters : {&eq.a, &eq.b, &eq.out}) {
    for (const char letter : *letters) {
      require((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'),
              cat("the equation '", text, "' has something other than letters"));
      require(std::ranges::count(*letters, letter) == 1,
              cat("the equation '", text, "' has a letter twice in one operand"));
    }
  }
  return eq;
}

Shape infer_einsum(const std::string& text, const Shape& a, const Shape& b) {
  const Equation eq = parse(text);
  require(eq.a.size() == a.size() && eq.b.size() == b.size(),
          cat("the equation '", text, "' does not fit ", describe(a), " and ", describe(b)));
  Shape out;
  for (const char letter : eq.a + eq.b) {
    const auto in_a = eq.a.find(letter);
    const auto in_b = eq.b.find(letter);
    if (in_a == std::string::npos || in_b == std::string::npos) continue;
    require(may_equal(a[in_a], b[in_b]) || a[in_a] == 1 || b[in_b] == 1,
            cat("the equation '", text, "' does not fit ", describe(a), " and ", describe(b)));
  }
  for (const char letter : eq.out) {
    const auto in_a = eq.a.find(letter);
    const auto in_b = eq.b.find(letter);
    require(in_a != std::string::npos || in_b != std::string::npos,
            cat("the equation '", text, "' has a result's letter in no operand"));
    if (in_a == std::string::npos) {
      out.push_back(b[in_b]);
    } else if (in_b == std::string::npos) {
      out.push_back(a[in_a]);
    } else {
      out.push_back(a[in_a] == kUnknown || a[in_a] == 1 ? b[in_b] : a[in_a]);
    }
  }
  return out;
}

std::vector<Value> infer_dense(const Signature& s) {
  Shape shape = s.input(0).shape;
  require(!shape.empty(), "takes a tensor of one dimension at least");
  const Shape* kernel = s.find_variable("kernel");
  require(kernel != nullptr && kernel->size() == 2, "needs a kernel of two dimensions");
  require_variable(s, "kernel", {shape.back(), kUnknown});
  require_variable(s, "bias", {kernel->at(1)});
  require_variable(s, "kernel_scale", {kernel->at(1)});
  shape.back() = kernel->at(1);
  return {{s.op.compute, shape}};
}

// Each row of x becomes whole numbers up to 127 (ties to even); gives what they were multiplied by.
std::vector<double> quantize_rows(Array& x, std::size_t width) {
  std::vector<double> scales;
  for (std::size_t at = 0; at < x.values.size(); at += width) {
    double largest = 0;
    for (std::size_t i = at; i < at + width; ++i) {
      largest = std::max(largest, std::abs(x.values[i]));
    }
    const double scale = 127 / (largest + 1e-7);
    for (std::size_t i = at; i < at + width; ++i) {
      x.values[i] = std::clamp(std::nearbyint(x.values[i] * scale), -127.0, 127.0);
    }
    scales.push_back(scale);
  }
  return scales;
}

std::vector<Array> run_dense(const Call& call) {
  Array kernel = call.need("kernel");
  const Array* a = call.variable("lora_kernel_a");
  const Array* b = call.variable("lora_kernel_b");
  if (a != nullptr && b != nullptr) {
    // The low-rank change that was learnt beside the kernel: kernel + scale · a·b.
    const Array change = kernels::dense(*a, *b);
    const double scale = call.op.attributes.number("lora_scale", 1);
    for (std::size_t i = 0; i < kernel.values.size(); ++i) {
      kernel.values[i] += scale * change.values[i];
    }
    round(kernel, call.op.compute);
  }
  Array y;
  if (const Array* kernel_scale = call.variable("kernel_scale")) {
    // Eight-bit weights: the input is quantised row by row, the product scaled back.
    Array x = call.input(0);
    const std::vector<double> scales = quantize_rows(x, static_cast<std::size_t>(kernel.shape[0]));
    y = kernels::dense(x, kernel);
    const auto units = static_cast<std::size_t>(kernel.shape[1]);
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      y.values[i] /= scales[i / units] * kernel_scale->values[i % units];
    }
  } else {
    y = kernels::dense(call.input(0), kernel);
  }
  add_bias(y, call.variable("bias"), call.op.compute);
  activate(y, call.op);
  return {std::move(y)};
}

std::vector<Value> infer_einsum_dense(const Signature& s) {
  const Shape* kernel = s.find_variable("kernel");
  require(kernel != nullptr, "needs a kernel");
  const Shape out = infer_einsum(s.op.attributes.text("equation"), s.input(0).shape, *kernel);
  if (const Shape* bias = s.find_variable("bias")) {
    require(bias->size() <= out.size(), "its bias has more dimensions than its output");
    for (std::size_t i = 0; i < bias->size(); ++i) {
      const std::int64_t extent = (*bias)[bias->size() - 1 - i];
      require(extent == 1 || may_equal(extent, out[out.size() - 1 - i]),
              cat("its bias ", describe(*bias), " does not fit its output ", describe(out)));
    }
  }
  return {{s.op.compute, out}};
}

std::vector<Array> run_einsum_dense(const Call& call) {
  Array y =
      kernels::einsum(call.op.attributes.text("equation"), call.input(0), call.need("kernel"));
  round(y, call.op.compute);
  if (const Array* bias = call.variable("bias")) {
    // Repeats the bias over the axes that it lacks: an einsum with nothing to sum would do too.
    std::vector<std::size_t> step(y.shape.size(), 0);
    std::size_t inner = 1;
    for (std::size_t i = 0; i < bias->shape.size(); ++i) {
      const std::size_t axis = bias->shape.size() - 1 - i;
      step[y.shape.size() - 1 - i] = bias->shape[axis] == 1 ? 0 : inner;
      inner *= static_cast<std::size_t>(bias->shape[axis]);
    }
    std::vector<std::int64_t> index(y.shape.size());
    std::size_t at = 0;
    for (double& value : y.values) {
      value += bias->values[at];
      for (std::size_t a = y.shape.size(); a-- > 0;) {
        at += step[a];
        if (++index[a] < y.shape[a]) break;
        at -= step[a] * static_cast<std::size_t>(y.shape[a]);
        index[a] = 0;
      }
    }
    round(y, call.op.compute);
  }
  activate(y, call.op);
  return {std::move(y)};
}

std::vector<Value> infer_einsum_of_two(const Signature& s) {
  return {{s.op.compute,
           infer_einsum(s.op.attributes.text("equation"), s.input(0).shape, s.input(1).shape)}};
}

std::vector<Array> run_einsum_of_two(const Call& call) {
  return {kernels::einsum(call.op.attributes.text("equation"), call.input(0), call.input(1))};
}

constexpr Kind kDenseKinds[] = {
    {"dense", infer_dense, run_dense},
    {"einsum_dense", infer_einsum_dense, run_einsum_dense},
    {"einsum", infer_einsum_of_two, run_einsum_of_two},
};

}  // namespace

std::span<const Kind> dense_kinds() { return kDenseKinds; }

}  // namespace ckpt::ops
