#pragma once

#include "model/array.h"
#include "model/kernels/activation.h"

namespace ckpt::kernels {

// One step of a recurrent cell. x·W + b of the step is given; what is missing is the part of the
// state. σ is the recurrent activation, φ the activation. All results are rounded to `dtype`.

// h' = φ(x·W + b + h·U).
//   input [N, U] = x·W + b   recurrent U [U, U]   h [N, U]
void simple_rnn_step(const Array& input, const Array& recurrent, const Activation& phi, DType dtype,
                     Array& h);

// i, f, c̃, o are the quarters of z = x·W + b + h·U:
// c' = σ(f)·c + σ(i)·φ(c̃), h' = σ(o)·φ(c').
//   input [N, 4U]   recurrent U [U, 4U]   h, c [N, U]
void lstm_step(const Array& input, const Array& recurrent, const Activation& sigma,
               const Activation& phi, DType dtype, Array& h, Array& c);

// z, r, h̃ are thirds: z = σ(x_z + h·U_z), r = σ(x_r + h·U_r),
//   reset before:  h̃ = φ(x_h + (r·h)·U_h)
//   reset after:   h̃ = φ(x_h + r·(h·U_h + b'_h)), and b'_z, b'_r are added as well
// h' = z·h + (1 - z)·h̃. `recurrent_bias` b' [3U] may be null; it is only there with reset after.
//   input [N, 3U]   recurrent U [U, 3U]   h [N, U]
void gru_step(const Array& input, const Array& recurrent, const Array* recurrent_bias,
              bool reset_after, const Activation& sigma, const Activation& phi, DType dtype,
              Array& h);

}  // namespace ckpt::kernels
