#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/code_place.h"
#include "core/dtype.h"
#include "core/shape.h"
#include "scope/initializer.h"
#include "scope/partition.h"

namespace ckpt {

class Variable;

// May a scope's get_variable find a variable that exists, and may it make one that does not?
//            exists   does not
//   kFalse   error    made
//   kTrue    found    error
//   kAuto    found    made
// Given to open(), kFalse means "as the scope around"; once on, reuse is not switched off below.
enum class Reuse : std::uint8_t { kFalse, kTrue, kAuto };

// "False", "True", "AUTO".
std::string_view name_of(Reuse reuse);

// What programs write: "true", "false", "auto", in any case. Throws ScopeError(kReuseValue).
Reuse parse_reuse(std::string_view text);

// An extent that is not known yet, in a shape that is asked for.
inline constexpr std::int64_t kUnknownExtent = -1;

// A penalty on a variable's values, by its name: this library records it and computes nothing.
struct Regularizer {
  std::string name = {};  // empty: no regularizer, even where the scope has one

  friend bool operator==(const Regularizer&, const Regularizer&) = default;
};
inline Regularizer no_regularizer() { return {}; }

// How copies of a variable are kept the same, and combined: recorded, and shown to custom getters.
enum class Synchronization : std::uint8_t { kAuto, kNone, kOnWrite, kOnRead };
enum class Aggregation : std::uint8_t { kNone, kSum, kMean, kOnlyFirstReplica };

// What get_variable() is asked to find or make. Another request, perhaps changed, gets another
// variable.
struct VariableRequest;
using VariableGetter = std::function<Variable&(VariableRequest)>;

// Sees each request of a scope with the scope's settings filled in, and answers it by `next`: the
// getter of the scope around, and at last the store itself.
using CustomGetter = std::function<Variable&(const VariableGetter& next, VariableRequest)>;

// Sees each variable just before it is made, plain ones too, and makes it by `next`.
using VariableCreator = CustomGetter;

// The arguments of get_variable(). What is not set comes from the scope. Reuse is not among them:
// it belongs to scopes.
struct VariableOptions {
  std::optional<Shape> shape = {};  // may have unknown extents where the variable exists
  std::optional<DType> dtype = {};
  std::optional<Initializer> initializer = {};
  std::optional<Regularizer> regularizer = {};
  std::optional<bool> trainable = {};                        // not set: yes, but for kOnRead
  std::optional<std::vector<std::string>> collections = {};  // not set: the global variables
  std::optional<std::string> caching_device = {};            // empty: none
  std::optional<Partitioner> partitioner = {};
  std::optional<bool> use_resource = {};
  std::optional<CustomGetter> custom_getter = {};  // instead of the scope's
  std::optional<std::string> constraint = {};      // by name, as a regularizer
  Synchronization synchronization = Synchronization::kAuto;
  Aggregation aggregation = Aggregation::kNone;
  // Where the program asks for it, for messages ("model.json: statement 3"); not set: where the
  // C++ code does.
  std::string origin = {};
};

struct VariableRequest {
  std::string name;  // with its scopes
  Reuse reuse = Reuse::kFalse;
  VariableOptions options = {};
  CodePlace at = {};
};

}  // namespace ckpt
