#include "dups/sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "core/numbers.h"

namespace ckpt {
namespace {

constexpr std::uint64_t kRun = 1024;
constexpr std::uint64_t kPiece = std::uint64_t{1} << 20;

}  // namespace

Sample sample_of(const SharedReader& reader, std::size_t entry, std::size_t most) {
  const Entry& row = reader.index().entries[entry];
  const std::size_t size = size_of(row.dtype);
  Sample sample;
  sample.count = row.nbytes / size;
  sample.whole = sample.count <= most;
  const std::uint64_t run = sample.whole ? sample.count : kRun;
  const std::uint64_t runs = sample.whole ? 1 : std::max<std::uint64_t>(most / kRun, 1);
  const std::uint64_t step = runs > 1 ? (sample.count - run) / (runs - 1) : 0;
  Bytes bytes(static_cast<std::size_t>(run) * size);
  for (std::uint64_t r = 0; r < runs; ++r) {
    const auto old = sample.values.size();
    reader.read(entry, r * step, bytes);
    sample.values.resize(old + static_cast<std::size_t>(run));
    decode(row.dtype, bytes, std::span(sample.values).subspan(old));
  }
  return sample;
}

bool is_constant(const SharedReader& reader, std::size_t entry) {
  const Entry& row = reader.index().entries[entry];
  const std::size_t size = size_of(row.dtype);
  Bytes first;
  Bytes bytes;
  for (std::uint64_t offset = 0; offset < row.nbytes; offset += bytes.size()) {
    // A first piece of a page: most tensors differ there.
    const std::uint64_t piece = offset == 0 ? 4096 : kPiece;
    bytes.resize(static_cast<std::size_t>(std::min(piece, row.nbytes - offset)));
    reader.read(entry, offset / size, bytes);
    if (first.empty())
      first.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    if (!std::equal(first.begin(), first.end(), bytes.begin()) ||
        std::memcmp(bytes.data(), bytes.data() + size, bytes.size() - size) != 0) {
      return false;
    }
  }
  return true;
}

bool is_ramp(const SharedReader& reader, std::size_t entry) {
  constexpr std::size_t kFewest = 8;
  std::vector<double> values = sample_of(reader, entry, kRun).values;
  if (values.size() < kFewest) return false;
  const double step = (values.back() - values.front()) / static_cast<double>(values.size() - 1);
  // Steps that are rounded in f16 still count as equal.
  const double rounding = 1e-3 * std::max(std::abs(values.front()), std::abs(values.back()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = values.front() + step * static_cast<double>(i);
    // Not "greater": NaN is on no ramp.
    if (!(std::abs(values[i] - expected) <= std::min(rounding, std::abs(step) / 2))) return false;
  }
  return true;
}

}  // namespace ckpt
