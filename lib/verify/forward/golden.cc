#include "verify/forward/golden.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt {

Golden match_golden(const std::vector<NamedTensor>& record, RunResult is) {
  Golden golden;
  std::vector<bool> taken(record.size(), false);
  const auto find = [&](const std::string& name) -> const NamedTensor* {
    const auto it = std::ranges::find(record, name, &NamedTensor::name);
    if (it == record.end()) return nullptr;
    taken[static_cast<std::size_t>(it - record.begin())] = true;
    return &*it;
  };
  for (NamedTensor& output : is.outputs) {
    const NamedTensor* found = find(output.name);
    if (found == nullptr) {
      throw Error(Errc::kInvalid, cat("the record has no '", escape(output.name),
                                      "'; `ckpt verify NEW --record FILE` makes one"));
    }
    golden.was.outputs.push_back(*found);
    golden.is.outputs.push_back(std::move(output));
  }
  for (NamedTensor& layer : is.layers) {
    const NamedTensor* found = find(layer.name);
    if (found == nullptr) continue;
    golden.was.layers.push_back(*found);
    golden.is.layers.push_back(std::move(layer));
  }
  for (std::size_t i = 0; i < record.size(); ++i) {
    if (!taken[i]) golden.unknown.push_back(record[i].name);
  }
  return golden;
}

}  // namespace ckpt
