#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ops/emitter.h"
#include "model/program/fields.h"

namespace ckpt::program {

// What an operation is given: a value, a variable or a number.
struct Operand {
  enum class Kind : std::uint8_t { kValue, kVariable, kNumber };
  Kind kind = Kind::kValue;
  std::size_t position = 0;  // in Graph::values or Graph::variables
  double number = 0;
};

// A statement that computes something: what it is given, and where its nodes go.
struct Site {
  ops::Emitter& emitter;
  Fields& fields;
  std::vector<Operand> inputs;
  std::string name;      // of its node: the operation's name in the graph, or the layer's scope
  std::size_t call = 0;  // of a layer that is applied several times
  std::string_view kind = {};  // the operation's name in the file

  [[nodiscard]] const Value& value(std::size_t position) const { return emitter.value(position); }

  // Throws Error(kInvalid) where there are not as many inputs as that.
  void need_inputs(std::size_t least, std::size_t most) const;
  // Input `i` as a value: a variable is read. Throws Error(kInvalid) for a number, which has no
  // shape.
  std::size_t input(std::size_t i);
  // The variable that input `i` is; empty where it is something else, or of another rank.
  [[nodiscard]] std::optional<std::size_t> variable(std::size_t i, std::size_t rank) const;

  // An operation of that kind, whose arithmetic has the type of value `like`.
  [[nodiscard]] Operation operation(std::string_view kind, std::size_t like) const;
  // Adds a node; gives its outputs.
  std::vector<std::size_t> add(Operation op, const std::vector<std::size_t>& values);
};

// The outputs of the operation `site.kind`. Throws Error(kUnsupported) for one that is not known,
// with those that are, and Error(kInvalid) where its inputs do not fit.
std::vector<std::size_t> apply_operation(Site& site);

// What TensorFlow calls the operation where the program gives it no name; empty where there is
// none.
std::string_view default_name_of(std::string_view operation);

}  // namespace ckpt::program
