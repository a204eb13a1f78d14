#include "verify/forward/output_check.h"

#include <algorithm>
#include <cassert>

#include "core/text.h"

namespace ckpt {

std::vector<OutputCheck> check_outputs(const std::vector<NamedTensor>& was,
                                       const std::vector<NamedTensor>& is,
                                       const Tolerance& tolerance) {
  assert(was.size() == is.size());
  std::vector<OutputCheck> checks;
  for (std::size_t i = 0; i < was.size(); ++i) {
    const Tensor& a = was[i].tensor;
    const Tensor& b = is[i].tensor;
    OutputCheck& check = checks.emplace_back();
    check.name = is[i].name;
    check.shape = b.shape;
    if (a.dtype != b.dtype || a.shape != b.shape) {
      check.agreement = Agreement::kDiffers;
      check.what = cat("is ", name_of(b.dtype), " ", to_string(b.shape), ", not ", name_of(a.dtype),
                       " ", to_string(a.shape));
      continue;
    }
    check.difference = difference_of(a, b);
    check.allowed = tolerance.absolute + tolerance.relative * check.difference.largest;
    if (check.difference.differing == 0) continue;
    const bool within = !tolerance.is_exact() && check.difference.max_abs <= check.allowed;
    check.agreement = within ? Agreement::kWithin : Agreement::kDiffers;
  }
  return checks;
}

Agreement agreement_of(const std::vector<OutputCheck>& checks) {
  Agreement worst = Agreement::kIdentical;
  for (const OutputCheck& check : checks) worst = std::max(worst, check.agreement);
  return worst;
}

std::optional<OutputCheck> first_difference(const std::vector<OutputCheck>& checks) {
  const Agreement worst = agreement_of(checks);
  if (worst == Agreement::kIdentical) return std::nullopt;
  return *std::ranges::find(checks, worst, &OutputCheck::agreement);
}

}  // namespace ckpt
