#pragma once

#include <map>
#include <optional>

#include "checkpoint/reader.h"
#include "model/array.h"
#include "model/graph.h"

namespace ckpt {

// The variables of a graph as its operations take them: read from a checkpoint when they are asked
// for, joined, permuted and reversed as the graph says. Both must outlive the store.
class VariableLoader {
 public:
  // Finds all of the graph's variables and checks their shapes, without reading a tensor.
  // Throws Error: kNotFound, listing all that are missing; kInvalid, listing all whose shape is
  // another one.
  VariableLoader(const Graph& graph, const Reader& reader);

  // The variable at that position, rounded to `compute` where both are floating; null for an
  // optional one that is not there. Good until clear(). Throws what Reader::read() throws.
  const Array* get(std::size_t variable, DType compute);

  // The entry that is this variable as the operation takes it, of that type: nothing is joined,
  // permuted or reversed. Empty where there is no such.
  [[nodiscard]] std::optional<std::size_t> plain_entry(std::size_t variable, DType dtype) const;

  // Is it there? An optional one need not be.
  [[nodiscard]] bool has(std::size_t variable) const { return !entries_[variable].empty(); }

  [[nodiscard]] const Reader& reader() const { return reader_; }

  // Forgets what has been read.
  void clear() { loaded_.clear(); }

 private:
  const Graph& graph_;
  const Reader& reader_;
  std::vector<std::vector<std::size_t>> entries_;  // by variable: what it is joined from
  std::map<std::pair<std::size_t, DType>, Array> loaded_;
};

}  // namespace ckpt
