#include "formats/io/roles.h"

namespace ckpt {

void assign_roles(std::vector<Entry>& entries, char separator) {
  std::vector<Leaf> leaves;
  leaves.reserve(entries.size());
  for (const Entry& entry : entries) leaves.push_back({entry.name, &entry.shape});
  const std::vector<Role> roles = roles_of(leaves, separator);
  for (std::size_t i = 0; i < roles.size(); ++i) {
    entries[i].role = is_numeric(entries[i].dtype) ? roles[i] : Role::kOther;
  }
}

}  // namespace ckpt
