#include "dups/sample.h"

#include <algorithm>
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

}  // namespace ckpt
