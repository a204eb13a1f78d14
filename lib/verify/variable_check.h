#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "verify/tensor_difference.h"

namespace ckpt {

// How a variable of NEW stands to what was expected of it.
enum class Standing : std::uint8_t {
  kSame,    // bit for bit
  kValues,  // same dtype and shape, other bytes
  kSpec,    // another dtype or shape
  kLost,    // expected and not there
  kAdded,   // there and not expected
  kUnread,  // no tensor, or one that cannot be read: not compared
};

struct VariableCheck {
  std::string name;
  std::vector<std::string> origin;  // OLD's names of it, where they are others
  Standing standing = Standing::kSame;
  Shape shape;                  // expected
  std::string what;             // of kSpec and kUnread: the matter in words
  TensorDifference difference;  // of kValues
};

// The names in OLD of each name that is another in NEW.
using Origins = std::map<std::string, std::vector<std::string>, std::less<>>;

// Compares names, dtypes, shapes and bytes: a row for each expected variable, in that order, then
// one for each that is there beside them. Streams tensors, two pieces at a time.
std::vector<VariableCheck> check_variables(const Reader& expected, const Reader& found,
                                           const Origins& origins);

}  // namespace ckpt
