#include "checkpoint/reader.h"

#include <algorithm>
#include <cassert>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt {

std::string layer_of(const Index& index, std::string_view name) {
  while (!index.layers.empty()) {
    const auto it = index.layers.find(name);
    if (it != index.layers.end()) return it->second;
    const auto end = name.rfind(index.separator);
    if (end == name.npos) break;
    name = name.substr(0, end);
  }
  return "";
}

std::uint64_t parameters_of(const Entry& entry) {
  return is_numeric(entry.dtype) ? entry.nbytes / size_of(entry.dtype) : 0;
}

std::optional<std::size_t> Reader::find(std::string_view name) const {
  const auto& entries = index().entries;
  const auto is_called = [&](const Entry& entry) {
    return entry.name == name || std::ranges::find(entry.aliases, name) != entry.aliases.end();
  };
  const auto it = std::ranges::find_if(entries, is_called);
  if (it == entries.end()) return std::nullopt;
  return static_cast<std::size_t>(it - entries.begin());
}

void Reader::read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const {
  assert(i < index().entries.size());
  const Entry& entry = index().entries[i];
  if (!is_numeric(entry.dtype)) {
    throw Error(Errc::kUnsupported,
                cat(escape(entry.name), ": holds ", entry.native_dtype,
                    ", not numbers; it is listed and kept, but cannot be read as a tensor"));
  }
  assert(out.size() % size_of(entry.dtype) == 0);
  assert(first * size_of(entry.dtype) + out.size() <= entry.nbytes);
  if (!out.empty()) do_read(i, first, out);
}

Tensor Reader::read(std::size_t i) const {
  check_whole(i);
  const Entry& entry = index().entries[i];
  Tensor tensor{entry.dtype, entry.shape, Bytes(entry.nbytes)};
  read(i, 0, tensor.bytes);
  return tensor;
}

void Reader::check_whole(std::size_t i) const {
  assert(i < index().entries.size());
  do_check_whole(i);
}

Tensor Reader::read_slice(std::size_t i, const Shape& start, const Shape& count) const {
  assert(i < index().entries.size());
  const Entry& entry = index().entries[i];
  const std::size_t rank = entry.shape.size();
  bool inside = start.size() == rank && count.size() == rank;
  for (std::size_t d = 0; inside && d < rank; ++d) {
    inside = start[d] >= 0 && count[d] >= 0 && start[d] <= entry.shape[d] &&
             count[d] <= entry.shape[d] - start[d];
  }
  if (!inside) {
    throw Error(Errc::kInvalid,
                cat(escape(entry.name), ": the slice from ", to_string(start), " of ",
                    to_string(count), " is not inside its shape ", to_string(entry.shape)));
  }
  if (!is_numeric(entry.dtype)) read(i, 0, {});  // throws the right sentence
  Tensor slice{entry.dtype, count, Bytes(tensor_bytes(entry.dtype, count))};
  if (slice.bytes.empty()) return slice;

  // The slice is a sequence of runs that are contiguous in the tensor: the innermost dimensions
  // that are taken whole, and one more.
  std::vector<std::uint64_t> stride(rank, 1);
  for (std::size_t d = rank; d-- > 1;) {
    stride[d - 1] = stride[d] * static_cast<std::uint64_t>(entry.shape[d]);
  }
  std::size_t outer = rank;  // dimensions [0, outer) are stepped through, the rest is in the run
  std::uint64_t run = 1;
  while (outer > 0) {
    --outer;
    run *= static_cast<std::uint64_t>(count[outer]);
    if (count[outer] != entry.shape[outer]) break;
  }
  const std::size_t run_bytes = static_cast<std::size_t>(run) * size_of(entry.dtype);
  Shape at(outer, 0);
  for (std::size_t done = 0; done < slice.bytes.size(); done += run_bytes) {
    std::uint64_t first = 0;
    for (std::size_t d = 0; d < rank; ++d) {
      first += static_cast<std::uint64_t>(start[d] + (d < outer ? at[d] : 0)) * stride[d];
    }
    read(i, first, std::span(slice.bytes).subspan(done, run_bytes));
    for (std::size_t d = outer; d-- > 0;) {
      if (++at[d] < count[d]) break;
      at[d] = 0;
    }
  }
  return slice;
}

void for_each_piece(const Reader& reader, std::size_t i,
                    const std::function<void(std::uint64_t, ByteView)>& f) {
  constexpr std::uint64_t kPiece = std::uint64_t{1} << 20;
  const Entry& entry = reader.index().entries[i];
  if (!is_numeric(entry.dtype)) reader.read(i, 0, {});  // throws the right sentence
  Bytes buffer(static_cast<std::size_t>(std::min(kPiece, entry.nbytes)));
  for (std::uint64_t offset = 0; offset < entry.nbytes; offset += buffer.size()) {
    buffer.resize(static_cast<std::size_t>(std::min(kPiece, entry.nbytes - offset)));
    reader.read(i, offset / size_of(entry.dtype), buffer);
    f(offset, buffer);
  }
}

}  // namespace ckpt
