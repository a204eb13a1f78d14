#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <variant>

#include "core/tensor.h"

namespace ckpt {

// How many inputs and outputs an element of a variable connects.
struct Fans {
  double in = 1;
  double out = 1;
};

// The fans of a variable by its shape, as TensorFlow 1 counts them: [in, out] of a matrix; the last
// two extents of a convolution kernel [h, w, in, out], both times the size of its window; the
// extent of a vector for both; 1 of a scalar.
Fans fans_of(const Shape& shape);

// What scaled random values are scaled by, and how they are distributed.
enum class FanMode : std::uint8_t { kIn, kOut, kAverage };
enum class Distribution : std::uint8_t { kTruncatedNormal, kNormal, kUniform };

// How a variable gets its first values. A value: it can be copied and kept in scopes.
//
// Random values are a function of the seed, the variable's name and the element's position, and the
// same on every machine (core/random.h): computed in double precision, then rounded to the dtype.
class Initializer {
 public:
  // All elements zero, one, or `value`. Of every dtype that can hold the value.
  static Initializer zeros();
  static Initializer ones();
  static Initializer constant(double value);

  // These are of floating-point dtypes alone. A truncated normal is one whose values beyond two
  // standard deviations are cut off; `stddev` is what it had before.
  static Initializer random_uniform(double low = -0.05, double high = 0.05);
  static Initializer random_normal(double mean = 0, double stddev = 1);
  static Initializer truncated_normal(double mean = 0, double stddev = 1);

  // Mean 0 and variance `scale / n`, where n is the fan of that mode (the average of both is
  // (in + out) / 2), at least 1. Uniform: within ±sqrt(3 scale / n). Truncated normal: the standard
  // deviation is divided by 0.87962566103423978, which is that of a standard normal distribution
  // cut at ±2, so that the variance holds after the cut.
  static Initializer variance_scaling(double scale, FanMode mode, Distribution distribution);

  // variance_scaling of scale 1 and the average fan (Glorot and Bengio, AISTATS 2010), of scale 2
  // and the fan in (He, Zhang, Ren and Sun, ICCV 2015). The normal ones are truncated.
  static Initializer glorot_uniform();
  static Initializer glorot_normal();
  static Initializer he_uniform();
  static Initializer he_normal();

  // `gain` times a random orthogonal matrix: all axes but the last are the rows; the shorter of
  // rows and columns are orthonormal. Uniform over all such matrices (Mezzadri, Notices of the AMS
  // 54 (2007), 592-604). Of floating-point dtypes and at least two axes; time grows with
  // rows × columns × the shorter of them.
  static Initializer orthogonal(double gain = 1);

  // `gain` on the diagonal, 0 elsewhere. Of floating-point dtypes and exactly two axes.
  static Initializer identity(double gain = 1);

  // This very value. It brings its own shape and dtype.
  static Initializer value(Tensor tensor);

  // Whatever the function makes. One without arguments brings its own shape and dtype.
  using FromShape = std::function<Tensor(const Shape&, DType)>;
  using FromNothing = std::function<Tensor()>;
  static Initializer function(FromShape make);
  static Initializer function(FromNothing make);

  // The initializer that programs call "zeros", "ones", "random_uniform", "random_normal",
  // "truncated_normal", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "orthogonal"
  // or "identity", with its default arguments.
  static std::optional<Initializer> parse(std::string_view name);

  // TensorFlow 1's choice where nobody chose: Glorot's uniform for floating-point dtypes, zeros
  // for integers and bool, none for others.
  static std::optional<Initializer> default_for(DType dtype);

  // The tensor that value() was given; null for the others.
  [[nodiscard]] const Tensor* constant_value() const;
  // Can it do without a shape?
  [[nodiscard]] bool needs_shape() const;

  // The values of the variable `name`. Without a shape needed, `shape` and `dtype` are not used.
  // Throws Error(kInvalid), naming the variable, where the initializer cannot make values of that
  // shape and dtype, or a function made others.
  [[nodiscard]] Tensor make(const Shape& shape, DType dtype, std::uint64_t seed,
                            std::string_view name) const;

  // The kinds of initializers, for the code that makes their values.
  struct Fill {
    double value;
  };
  struct Random {
    Distribution distribution;
    double centre;  // the mean
    double spread;  // the standard deviation, or half the width
  };
  struct Scaled {
    double scale;
    FanMode mode;
    Distribution distribution;
  };
  struct Orthogonal {
    double gain;
  };
  struct Identity {
    double gain;
  };
  using Kind =
      std::variant<Fill, Random, Scaled, Orthogonal, Identity, Tensor, FromShape, FromNothing>;

 private:
  explicit Initializer(Kind kind) : kind_(std::move(kind)) {}

  Kind kind_;
};

}  // namespace ckpt
