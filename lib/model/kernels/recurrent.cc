#include "model/kernels/recurrent.h"

#include "model/kernels/dense.h"

namespace ckpt::kernels {
namespace {

// Columns [first, first + width) of a matrix.
Array columns(const Array& matrix, std::size_t first, std::size_t width) {
  const auto all = static_cast<std::size_t>(matrix.shape.back());
  Array out = make_array(matrix.dtype, {matrix.shape[0], static_cast<std::int64_t>(width)});
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    out.values[i] = matrix.values[i / width * all + first + i % width];
  }
  return out;
}

Array activated(Array array, const Activation& activation, DType dtype) {
  round(array, dtype);
  activate(array, activation);
  round(array, dtype);
  return array;
}

Array sum(Array a, const Array& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] += b.values[i];
  return a;
}

}  // namespace

void simple_rnn_step(const Array& input, const Array& recurrent, const Activation& phi, DType dtype,
                     Array& h) {
  h = activated(sum(dense(h, recurrent), input), phi, dtype);
}

void lstm_step(const Array& input, const Array& recurrent, const Activation& sigma,
               const Activation& phi, DType dtype, Array& h, Array& c) {
  const auto units = static_cast<std::size_t>(h.shape[1]);
  const Array z = sum(dense(h, recurrent), input);
  const Array i = activated(columns(z, 0, units), sigma, dtype);
  const Array f = activated(columns(z, units, units), sigma, dtype);
  const Array g = activated(columns(z, 2 * units, units), phi, dtype);
  const Array o = activated(columns(z, 3 * units, units), sigma, dtype);
  for (std::size_t k = 0; k < c.values.size(); ++k) {
    c.values[k] = f.values[k] * c.values[k] + i.values[k] * g.values[k];
  }
  round(c, dtype);
  h = activated(c, phi, dtype);
  for (std::size_t k = 0; k < h.values.size(); ++k) h.values[k] *= o.values[k];
  round(h, dtype);
}

void gru_step(const Array& input, const Array& recurrent, const Array* recurrent_bias,
              bool reset_after, const Activation& sigma, const Activation& phi, DType dtype,
              Array& h) {
  const auto units = static_cast<std::size_t>(h.shape[1]);
  Array z;
  Array r;
  Array candidate = columns(input, 2 * units, units);
  if (reset_after) {
    Array inner = dense(h, recurrent);
    if (recurrent_bias != nullptr) {
      for (std::size_t k = 0; k < inner.values.size(); ++k) {
        inner.values[k] += recurrent_bias->values[k % (3 * units)];
      }
    }
    z = activated(sum(columns(inner, 0, units), columns(input, 0, units)), sigma, dtype);
    r = activated(sum(columns(inner, units, units), columns(input, units, units)), sigma, dtype);
    const Array tail = columns(inner, 2 * units, units);
    for (std::size_t k = 0; k < candidate.values.size(); ++k) {
      candidate.values[k] += r.values[k] * tail.values[k];
    }
  } else {
    z = activated(sum(dense(h, columns(recurrent, 0, units)), columns(input, 0, units)), sigma,
                  dtype);
    r = activated(sum(dense(h, columns(recurrent, units, units)), columns(input, units, units)),
                  sigma, dtype);
    Array reset = h;
    for (std::size_t k = 0; k < reset.values.size(); ++k) reset.values[k] *= r.values[k];
    candidate = sum(dense(reset, columns(recurrent, 2 * units, units)), candidate);
  }
  candidate = activated(std::move(candidate), phi, dtype);
  for (std::size_t k = 0; k < h.values.size(); ++k) {
    h.values[k] = z.values[k] * h.values[k] + (1 - z.values[k]) * candidate.values[k];
  }
  round(h, dtype);
}

}  // namespace ckpt::kernels
