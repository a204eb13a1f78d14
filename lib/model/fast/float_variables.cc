#include "model/fast/float_variables.h"

#include <algorithm>
#include <cstring>

namespace ckpt::fast {

void for_each_float(VariableLoader& variables, std::size_t variable,
                    const std::function<void(std::size_t first, std::span<const float>)>& f) {
  std::vector<float> values;
  if (const auto entry = variables.plain_entry(variable, DType::kF32)) {
    for_each_piece(variables.reader(), *entry, [&](std::uint64_t offset, ByteView bytes) {
      values.resize(bytes.size() / sizeof(float));
      std::memcpy(values.data(), bytes.data(), bytes.size());
      f(static_cast<std::size_t>(offset / sizeof(float)), values);
    });
    return;
  }
  const Array* array = variables.get(variable, DType::kF32);
  for (const double value : array->values) values.push_back(static_cast<float>(value));
  variables.clear();
  f(0, values);
}

std::vector<float> floats_of(VariableLoader& variables, std::size_t variable) {
  std::vector<float> out;
  for_each_float(variables, variable, [&](std::size_t, std::span<const float> values) {
    out.insert(out.end(), values.begin(), values.end());
  });
  return out;
}

}  // namespace ckpt::fast
