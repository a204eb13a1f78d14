#include "formats/tf_bundle/slice.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace ckpt::tf {
namespace {

// TensorFlow's "ordered code" (lib/strings/ordered_code.cc).

void append_string(std::string& key, std::string_view text) {
  for (const char c : text) {
    key += c;
    if (c == '\0') key += '\xff';
    if (c == '\xff') key += '\0';
  }
  key += '\0';
  key += '\1';
}

// A count of bytes, and as many, the most significant first and not 0.
void append_unsigned(std::string& key, std::uint64_t value) {
  std::string bytes;
  for (; value > 0; value >>= 8) bytes.insert(0, 1, static_cast<char>(value & 0xff));
  key += static_cast<char>(bytes.size());
  key += bytes;
}

// n bytes of two's complement hold numbers of 7n - 1 bits; their top n bits are turned over, so
// that the sign and the length sort first.
void append_signed(std::string& key, std::int64_t value) {
  std::size_t n = 1;
  while (n < 10) {
    const std::size_t bits = 7 * n - 1;
    if (bits >= 63) break;
    const std::int64_t limit = std::int64_t{1} << bits;
    if (value >= -limit && value < limit) break;
    ++n;
  }
  std::string bytes(n, value < 0 ? '\xff' : '\0');
  for (std::size_t i = 0; i < std::min<std::size_t>(n, 8); ++i) {
    bytes[n - 1 - i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
  }
  for (std::size_t bit = 0; bit < n; ++bit) {
    bytes[bit / 8] =
        static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ (0x80U >> bit % 8));
  }
  key += bytes;
}

std::uint64_t volume_of(const Shape& count) { return num_elements(count).value_or(0); }

bool overlaps(const Box& a, const Box& b) {
  for (std::size_t d = 0; d < a.start.size(); ++d) {
    if (a.start[d] + a.count[d] <= b.start[d] || b.start[d] + b.count[d] <= a.start[d])
      return false;
  }
  return true;
}

}  // namespace

std::string encode_slice_key(std::string_view name, const Slice& slice) {
  std::string key(1, '\0');
  append_string(key, name);
  append_unsigned(key, slice.size());
  for (const Extent& extent : slice) {
    append_signed(key, extent.start);
    append_signed(key, extent.length);
  }
  return key;
}

Box box_of(const Slice& slice, const Shape& shape) {
  if (slice.size() != shape.size()) {
    throw Error(Errc::kCorrupt, cat("slice ", text_of(slice), " has ", slice.size(),
                                    " dimensions, the tensor's shape is ", to_string(shape)));
  }
  Box box;
  for (std::size_t d = 0; d < slice.size(); ++d) {
    const auto [start, length] = slice[d];
    const bool whole = length == -1;
    if (start < 0 || start > shape[d] || (whole && start != 0) ||
        (!whole && (length < 0 || length > shape[d] - start))) {
      throw Error(Errc::kCorrupt,
                  cat("slice ", text_of(slice), " is not inside the shape ", to_string(shape)));
    }
    box.start.push_back(start);
    box.count.push_back(whole ? shape[d] : length);
  }
  return box;
}

void check_cover(const std::vector<Box>& boxes, const Shape& shape) {
  std::uint64_t sum = 0;
  for (const Box& box : boxes) sum += volume_of(box.count);
  const std::uint64_t total = volume_of(shape);
  const auto fail = [&](std::string_view seen) {
    throw Error(Errc::kCorrupt,
                cat("its ", boxes.size(), " slices ", seen, " of shape ", to_string(shape)));
  };
  // Boxes without overlap cover the tensor exactly where their volumes add up to its own. They are
  // swept along the dimension in which most of them differ.
  std::size_t axis = 0;
  std::size_t most = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    std::set<std::int64_t> starts;
    for (const Box& box : boxes) starts.insert(box.start[d]);
    if (starts.size() > most) {
      most = starts.size();
      axis = d;
    }
  }
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!shape.empty()) {
    std::ranges::sort(order, {}, [&](std::size_t i) { return boxes[i].start[axis]; });
  }
  std::vector<std::size_t> open;
  for (const std::size_t i : order) {
    if (volume_of(boxes[i].count) == 0) continue;
    if (!shape.empty()) {
      std::erase_if(open, [&](std::size_t j) {
        return boxes[j].start[axis] + boxes[j].count[axis] <= boxes[i].start[axis];
      });
    }
    for (const std::size_t j : open) {
      if (overlaps(boxes[i], boxes[j])) fail("overlap in the tensor");
    }
    open.push_back(i);
  }
  if (sum != total) fail(cat("hold ", sum, " of the ", total, " elements of the tensor"));
}

std::string text_of(const Slice& slice) {
  std::vector<std::string> extents;
  for (const auto& [start, length] : slice) {
    extents.push_back(length == -1 && start == 0 ? "-" : cat(start, ",", length));
  }
  return join(extents, ":");
}

std::vector<Run> runs_of(const Box& box, const Shape& shape, std::uint64_t first,
                         std::uint64_t last) {
  std::vector<Run> runs;
  const std::size_t rank = shape.size();
  const std::uint64_t volume = volume_of(box.count);
  if (volume == 0 || first >= last) return runs;

  // A run is the dimensions that the box takes whole, from the innermost, and one more.
  std::size_t outer = rank;
  std::uint64_t length = 1;
  while (outer > 0) {
    --outer;
    length *= static_cast<std::uint64_t>(box.count[outer]);
    if (box.count[outer] != shape[outer]) break;
  }
  std::vector<std::uint64_t> stride(rank, 1);
  for (std::size_t d = rank; d-- > 1;) {
    stride[d - 1] = stride[d] * static_cast<std::uint64_t>(shape[d]);
  }
  std::uint64_t base = 0;
  for (std::size_t d = 0; d < rank; ++d)
    base += static_cast<std::uint64_t>(box.start[d]) * stride[d];
  const auto begin_of = [&](std::uint64_t run) {
    std::uint64_t at = base;
    for (std::size_t d = outer; d-- > 0;) {
      const auto count = static_cast<std::uint64_t>(box.count[d]);
      at += run % count * stride[d];
      run /= count;
    }
    return at;
  };
  // Runs ascend, so the first that ends behind `first` is found by halving.
  std::uint64_t low = 0;
  std::uint64_t high = volume / length;
  const std::uint64_t count = high;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (begin_of(middle) + length <= first) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < count; ++low) {
    const std::uint64_t begin = begin_of(low);
    if (begin >= last) break;
    const std::uint64_t from = std::max(begin, first);
    const std::uint64_t to = std::min(begin + length, last);
    runs.push_back(
        {.in_tensor = from, .in_box = low * length + (from - begin), .count = to - from});
  }
  return runs;
}

}  // namespace ckpt::tf
