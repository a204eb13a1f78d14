#include "checkpoint/edit.h"

#include <array>

namespace ckpt {

std::string_view name_of(EditOperation::Kind kind) {
  constexpr std::array<std::string_view, 7> kNames{"make-scope", "move", "drop",  "remove-scope",
                                                   "link",       "text", "create"};
  static_assert(kNames.size() == kEditOperationKinds);
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace ckpt
