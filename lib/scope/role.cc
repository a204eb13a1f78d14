#include "scope/role.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

namespace ckpt {
namespace {

// The last segments that TensorFlow 1 gives to slots (training/*.py, slot_creator.py), without the
// "_1", "_2" that tell the second slot or a second optimizer.
constexpr std::array<std::string_view, 16> kSlotSuffixes{
    "Adam",     "AdamW",    "AdaMax",     "Nadam",
    "Momentum", "RMSProp",  "Adagrad",    "Adadelta",
    "Ftrl",     "FtrlV2",   "adam_m",     "adam_v",
    "LAMB",     "LazyAdam", "Adagrad_DA", "gradient_accumulator"};

// moving_averages.py: the average itself, and the helpers of zero-debiasing.
constexpr std::array<std::string_view, 3> kAverageSuffixes{"ExponentialMovingAverage", "biased",
                                                           "local_step"};

constexpr std::array<std::string_view, 2> kSlotGlobals{"beta1_power", "beta2_power"};

// Scopes that hold nothing but an optimizer's state: Keras 2 and 3, PyTorch training loops.
constexpr std::array<std::string_view, 3> kOptimizerScopes{"optimizer", "optimizer_weights",
                                                           "optimizer_state"};

std::string_view without_counter(std::string_view segment) {
  const auto underscore = segment.rfind('_');
  if (underscore == std::string_view::npos || underscore + 1 == segment.size()) return segment;
  const auto digits = segment.substr(underscore + 1);
  const bool all_digits = digits.find_first_not_of("0123456789") == std::string_view::npos;
  return all_digits ? segment.substr(0, underscore) : segment;
}

std::string_view last_segment(std::string_view name, char separator) {
  return name.substr(name.rfind(separator) + 1);
}

bool contains(std::span<const std::string_view> list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

// The role a name's last segment stands for, were there an owner.
Role role_of_suffix(std::string_view name, char separator) {
  const auto suffix = without_counter(last_segment(name, separator));
  if (contains(kSlotSuffixes, suffix)) return Role::kSlot;
  if (contains(kAverageSuffixes, suffix)) return Role::kAverage;
  return Role::kVariable;
}

}  // namespace

std::string_view name_of(Role role) {
  switch (role) {
    case Role::kVariable:
      return "variable";
    case Role::kSlot:
      return "slot";
    case Role::kAverage:
      return "average";
    case Role::kOther:
      return "other";
  }
  return "";
}

std::string_view owner_of(std::string_view name, char separator) {
  if (role_of_suffix(name, separator) == Role::kVariable) return {};
  const auto at = name.rfind(separator);
  return at == std::string_view::npos ? std::string_view{} : name.substr(0, at);
}

std::vector<Role> roles_of(std::span<const Leaf> leaves, char separator) {
  // Made when it is first asked for: most checkpoints have no slots beside their variables.
  std::unordered_map<std::string_view, const Shape*> shapes;

  // Is there a variable `owner`, or one that is `owner` without leading scopes, of a fitting shape?
  const auto has_owner = [&](std::string_view owner, const Shape& shape) {
    if (shapes.empty()) {
      for (const Leaf& leaf : leaves) shapes.emplace(leaf.name, leaf.shape);
    }
    while (true) {
      const auto it = shapes.find(owner);
      if (it != shapes.end() && (shape.empty() || *it->second == shape)) return true;
      const auto at = owner.find(separator);
      if (at == std::string_view::npos) return false;
      owner.remove_prefix(at + 1);
    }
  };

  std::vector<Role> roles(leaves.size(), Role::kVariable);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const std::string_view name = leaves[i].name;
    const std::string_view first = name.substr(0, name.find(separator));
    if (first.size() < name.size() && contains(kOptimizerScopes, first)) {
      roles[i] = Role::kSlot;
    } else if (contains(kSlotGlobals, without_counter(last_segment(name, separator)))) {
      roles[i] = Role::kSlot;
    } else if (const auto owner = owner_of(name, separator); !owner.empty()) {
      if (has_owner(owner, *leaves[i].shape)) roles[i] = role_of_suffix(name, separator);
    }
  }
  return roles;
}

bool is_companion(std::string_view name, std::string_view owner, char separator) {
  const auto ends_in_owner = [&](std::string_view text) {
    if (!text.ends_with(owner)) return false;
    return text.size() == owner.size() || text[text.size() - owner.size() - 1] == separator;
  };
  if (ends_in_owner(owner_of(name, separator))) return true;
  const std::string_view first = name.substr(0, name.find(separator));
  if (!contains(kOptimizerScopes, first)) return false;
  const std::string inside = std::string(1, separator) + std::string(owner);
  const auto at = name.find(inside);
  return at != std::string_view::npos &&
         (at + inside.size() == name.size() || name[at + inside.size()] == separator);
}

}  // namespace ckpt
