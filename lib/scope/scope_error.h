#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace ckpt {

// The mistakes one can make with variable scopes, one enumerator each.
enum class ScopeErrc : std::uint8_t {
  kExists,         // the name exists and reuse is False
  kMissing,        // the name does not exist and reuse is True
  kShape,          // the variable exists with another shape
  kDType,          // the variable exists with another dtype
  kNoShape,        // a new variable without shape and initializer
  kConstShape,     // a constant as initializer, and a shape beside it
  kInitDType,      // a constant as initializer, and another dtype beside it
  kInitSignature,  // an initializer that needs a shape, and none that is fully known
  kInitRequired,   // a dtype for which there is no default initializer
  kPartExists,     // the partitioned name exists and reuse is False
  kPartMissing,    // the partitioned name does not exist and reuse is True
  kPartChanged,    // it exists with other partitions
  kPartCount,      // its slices exist, but another number of them
  kPartVsPlain,    // a partitioner was given, but the variable is a whole one
  kPlainVsPart,    // no partitioner was given, but the variable is partitioned
  kPartResult,     // the partitioner returned nonsense
  kPartCall,       // the partitioner is an empty function
  kPartShape,      // a shape that cannot be partitioned
  kPartOffset,     // a slice that is not inside the shape
  kReuseValue,     // a reuse flag that is not true, false or auto
  kReuseNoName,    // reuse asked for of a scope that has only a default name
  kNoName,         // neither a name nor a default name
  kScopeType,      // for readers of programs: a scope that is neither name nor object
  kAuxType,        // for readers of programs: a name-scope switch that is no boolean
  kKwarg,          // for readers of programs: an argument that the call does not have
  kNest,           // closed in the wrong order
  kGetter,         // a custom getter that is an empty function
  kName,           // a name with characters that no graph allows
  kSaverDup,       // two variables with one name in a checkpoint
};
inline constexpr int kScopeErrcCount = 29;

// "E-EXISTS", "E-PART-VS-PLAIN": a stable word for programs and reports.
std::string_view name_of(ScopeErrc errc);

// A mistake in the use of variable scopes, as TensorFlow 1 would report it. The sentence names the
// variable, what was asked, what is there, and the remedies.
class ScopeError : public Error {
 public:
  ScopeError(ScopeErrc scope_code, const std::string& sentence);

  [[nodiscard]] ScopeErrc scope_code() const { return scope_code_; }

  // The same error with `where` and ": " put before the sentence.
  [[nodiscard]] ScopeError in(std::string_view where) const;

 private:
  ScopeErrc scope_code_;
};

}  // namespace ckpt
