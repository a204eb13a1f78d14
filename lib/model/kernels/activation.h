#pragma once

#include <string>
#include <string_view>

#include "model/array.h"

namespace ckpt::kernels {

// A function of each element or of each row along the last axis.
struct Activation {
  std::string function;  // Keras's name: "relu", "softmax"
  double alpha = 0;      // its parameter, where it has one
};

// Is there a function of that name?
bool is_activation(std::string_view function);

// The parameter that the function has where nothing else is said: 0.2 for "leaky_relu".
double usual_alpha(std::string_view function);

// Applies it to every element; for "softmax", "log_softmax", "sparsemax" and "glu" to every row
// x[…, C]; "glu" halves C. REQUIRES: is_activation(function).
void activate(Array& array, const Activation& activation);

// softmax over the last axis: e^(x - max) / Σ e^(x - max).
void softmax(Array& array);

}  // namespace ckpt::kernels
