#include "scope/scope_error.h"

#include <array>

#include "core/text.h"

namespace ckpt {
namespace {

struct Row {
  ScopeErrc scope_code;
  std::string_view name;
  Errc code;
};

constexpr std::array kRows{
    Row{ScopeErrc::kExists, "E-EXISTS", Errc::kConflict},
    Row{ScopeErrc::kMissing, "E-MISSING", Errc::kNotFound},
    Row{ScopeErrc::kShape, "E-SHAPE", Errc::kConflict},
    Row{ScopeErrc::kDType, "E-DTYPE", Errc::kConflict},
    Row{ScopeErrc::kNoShape, "E-NOSHAPE", Errc::kInvalid},
    Row{ScopeErrc::kConstShape, "E-CONST-SHAPE", Errc::kInvalid},
    Row{ScopeErrc::kInitDType, "E-INIT-DTYPE", Errc::kInvalid},
    Row{ScopeErrc::kInitSignature, "E-INIT-SIG", Errc::kInvalid},
    Row{ScopeErrc::kInitRequired, "E-INIT-REQUIRED", Errc::kInvalid},
    Row{ScopeErrc::kPartExists, "E-PART-EXISTS", Errc::kConflict},
    Row{ScopeErrc::kPartMissing, "E-PART-MISSING", Errc::kNotFound},
    Row{ScopeErrc::kPartChanged, "E-PART-CHANGED", Errc::kConflict},
    Row{ScopeErrc::kPartCount, "E-PART-COUNT", Errc::kConflict},
    Row{ScopeErrc::kPartVsPlain, "E-PART-VS-PLAIN", Errc::kConflict},
    Row{ScopeErrc::kPlainVsPart, "E-PLAIN-VS-PART", Errc::kConflict},
    Row{ScopeErrc::kPartResult, "E-PART-RESULT", Errc::kInvalid},
    Row{ScopeErrc::kPartCall, "E-PART-CALL", Errc::kInvalid},
    Row{ScopeErrc::kPartShape, "E-PART-SHAPE", Errc::kInvalid},
    Row{ScopeErrc::kPartOffset, "E-PART-OFFSET", Errc::kInvalid},
    Row{ScopeErrc::kReuseValue, "E-REUSE-VALUE", Errc::kInvalid},
    Row{ScopeErrc::kReuseNoName, "E-REUSE-NONAME", Errc::kInvalid},
    Row{ScopeErrc::kNoName, "E-NO-NAME", Errc::kInvalid},
    Row{ScopeErrc::kScopeType, "E-SCOPE-TYPE", Errc::kInvalid},
    Row{ScopeErrc::kAuxType, "E-AUX-TYPE", Errc::kInvalid},
    Row{ScopeErrc::kKwarg, "E-KWARG", Errc::kInvalid},
    Row{ScopeErrc::kNest, "E-NEST", Errc::kInvalid},
    Row{ScopeErrc::kGetter, "E-GETTER", Errc::kInvalid},
    Row{ScopeErrc::kName, "E-NAME", Errc::kInvalid},
    Row{ScopeErrc::kSaverDup, "E-SAVER-DUP", Errc::kConflict},
};
static_assert(kRows.size() == kScopeErrcCount);

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].scope_code != static_cast<ScopeErrc>(i)) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

const Row& row(ScopeErrc errc) { return kRows[static_cast<std::size_t>(errc)]; }

}  // namespace

std::string_view name_of(ScopeErrc errc) { return row(errc).name; }

ScopeError::ScopeError(ScopeErrc scope_code, const std::string& sentence)
    : Error(row(scope_code).code, sentence), scope_code_(scope_code) {}

ScopeError ScopeError::in(std::string_view where) const {
  return {scope_code_, cat(where, ": ", what())};
}

}  // namespace ckpt
