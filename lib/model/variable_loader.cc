#include "model/variable_loader.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

// The shape of the joined tensor, empty where its parts do not fit; then permuted.
std::optional<Shape> stored_shape(const GraphVariable& variable, const Reader& reader,
                                  const std::vector<std::size_t>& entries) {
  Shape shape = reader.index().entries[entries.front()].shape;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const Shape& part = reader.index().entries[entries[i]].shape;
    if (part.size() != shape.size() || shape.empty() ||
        !std::equal(part.begin(), part.end() - 1, shape.begin())) {
      return std::nullopt;
    }
    shape.back() += part.back();
  }
  if (variable.permutation.empty()) return shape;
  if (variable.permutation.size() != shape.size()) return std::nullopt;
  Shape out;
  for (const std::int64_t axis : variable.permutation) {
    out.push_back(shape[static_cast<std::size_t>(axis)]);
  }
  return out;
}

// Tensors side by side along the last axis.
Array joined(const std::vector<Array>& parts) {
  if (parts.size() == 1) return parts.front();
  Shape shape = parts.front().shape;
  shape.back() = 0;
  for (const Array& part : parts) shape.back() += part.shape.back();
  Array out{parts.front().dtype, shape, {}};
  const std::size_t rows = view_axis(shape, shape.size() - 1).outer;
  for (std::size_t row = 0; row < rows; ++row) {
    for (const Array& part : parts) {
      const auto width = static_cast<std::ptrdiff_t>(part.shape.back());
      const auto first = part.values.begin() + static_cast<std::ptrdiff_t>(row) * width;
      out.values.insert(out.values.end(), first, first + width);
    }
  }
  return out;
}

}  // namespace

VariableLoader::VariableLoader(const Graph& graph, const Reader& reader)
    : graph_(graph), reader_(reader) {
  std::vector<std::string> missing;
  std::vector<std::string> misfits;
  for (const GraphVariable& variable : graph.variables) {
    std::vector<std::size_t> entries;
    for (const std::string& name : variable.names) {
      if (const auto entry = reader.find(name)) {
        entries.push_back(*entry);
      } else {
        missing.push_back(name);
      }
    }
    if (variable.names.empty() && !variable.hints.optional) missing.push_back(variable.name);
    if (!entries.empty() && entries.size() == variable.names.size()) {
      const auto shape = stored_shape(variable, reader, entries);
      if (!shape || *shape != variable.shape) {
        misfits.push_back(cat(join(variable.names, " + "), " has the shape ",
                              shape ? to_string(*shape) : "of parts that do not fit", ", not ",
                              to_string(variable.shape)));
      }
    }
    entries_.push_back(std::move(entries));
  }
  if (!missing.empty()) {
    throw Error(Errc::kNotFound,
                cat(count_of(missing.size(), "variable"), " of the graph ",
                    missing.size() == 1 ? "is" : "are", " missing: ", join(missing, ", ")));
  }
  if (!misfits.empty()) throw Error(Errc::kInvalid, join(misfits, "; "));
}

std::optional<std::size_t> VariableLoader::plain_entry(std::size_t variable, DType dtype) const {
  const GraphVariable& what = graph_.variables[variable];
  const auto& entries = entries_[variable];
  const bool is_plain = entries.size() == 1 && what.permutation.empty() && what.reversed.empty() &&
                        reader_.index().entries[entries.front()].dtype == dtype;
  return is_plain ? std::optional(entries.front()) : std::nullopt;
}

const Array* VariableLoader::get(std::size_t variable, DType compute) {
  const auto key = std::pair(variable, compute);
  if (const auto it = loaded_.find(key); it != loaded_.end()) return &it->second;
  if (entries_[variable].empty()) return nullptr;
  const GraphVariable& what = graph_.variables[variable];
  std::vector<Array> parts;
  for (const std::size_t entry : entries_[variable])
    parts.push_back(from_tensor(reader_.read(entry)));
  Array array = joined(parts);
  if (!what.permutation.empty()) array = permuted(array, what.permutation);
  for (const std::int64_t axis : what.reversed) {
    array = reversed(array, static_cast<std::size_t>(axis));
  }
  const auto is_float = [](DType dtype) { return class_of(dtype) == DTypeClass::kFloat; };
  if (is_float(array.dtype) && is_float(compute)) round(array, compute);
  return &loaded_.emplace(key, std::move(array)).first->second;
}

}  // namespace ckpt
