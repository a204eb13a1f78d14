#include "verify/diagnosing/arrangement.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/text.h"

namespace ckpt {
namespace {

using Table = std::vector<std::size_t>;
using Visit = std::function<bool(const Arrangement&)>;

constexpr std::size_t kMaxBlocks = 4;  // gates of the cells that there are
constexpr std::size_t kMaxAxes = 5;    // whose permutations are tried

std::vector<std::size_t> extents_of(const Shape& shape) { return {shape.begin(), shape.end()}; }

std::size_t product(const std::vector<std::size_t>& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
}

// The row-major strides of extents.
std::vector<std::size_t> strides_of(const std::vector<std::size_t>& extents) {
  std::vector<std::size_t> strides(extents.size(), 1);
  for (std::size_t d = extents.size(); d-- > 1;) strides[d - 1] = strides[d] * extents[d];
  return strides;
}

// 0, stride, 2 stride, …
Table steps(std::size_t extent, std::size_t stride) {
  Table table(extent);
  for (std::size_t i = 0; i < extent; ++i) table[i] = i * stride;
  return table;
}

// The tables of a tensor that lies as it did.
std::vector<Table> plain(const std::vector<std::size_t>& extents) {
  const auto strides = strides_of(extents);
  std::vector<Table> tables;
  for (std::size_t d = 0; d < extents.size(); ++d) tables.push_back(steps(extents[d], strides[d]));
  return tables;
}

// Each order of 0 … n-1 but the plain one.
std::vector<std::vector<std::size_t>> orders(std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::vector<std::size_t>> all;
  while (std::next_permutation(order.begin(), order.end())) all.push_back(order);
  return all;
}

std::vector<std::size_t> inverse(const std::vector<std::size_t>& order) {
  std::vector<std::size_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) back[order[i]] = i;
  return back;
}

template <typename T>
std::vector<T> picked(const std::vector<T>& items, const std::vector<std::size_t>& order) {
  std::vector<T> out;
  for (const std::size_t i : order) out.push_back(items[i]);
  return out;
}

std::string listed(const std::vector<std::size_t>& numbers) {
  std::vector<std::string> texts;
  for (const std::size_t n : numbers) texts.push_back(cat(n));
  return join(texts, ", ");
}

std::string shown(const std::vector<std::size_t>& extents) {
  return cat("[", listed(extents), "]");
}

bool try_permutations(const std::vector<std::size_t>& extents, bool same_shape,
                      const Visit& visit) {
  if (extents.size() < 2 || extents.size() > kMaxAxes) return false;
  for (const auto& order : orders(extents.size())) {
    const auto after = picked(extents, order);
    if ((after == extents) != same_shape) continue;
    const std::string back = cat("permuted (", listed(inverse(order)), ")");
    Arrangement arrangement{picked(plain(extents), order), "", ""};
    if (same_shape) {
      arrangement.fault = extents.size() == 2
                              ? "is transposed"
                              : cat("has its axes in the order (", listed(order), ")");
      arrangement.remedy = cat("is ", back);
    } else {
      arrangement.fault = "was reshaped where its axes had to be permuted";
      arrangement.remedy = cat("is reshaped to ", shown(after), " and ", back);
    }
    if (visit(arrangement)) return true;
  }
  return false;
}

bool try_reversals(const std::vector<std::size_t>& extents, const Visit& visit) {
  const std::size_t rank = std::min(extents.size(), kMaxAxes);
  for (std::size_t axes = 1; axes < (std::size_t{1} << rank); ++axes) {
    std::vector<std::size_t> which;
    Arrangement arrangement{plain(extents), "", ""};
    bool changes = true;
    for (std::size_t d = 0; d < rank; ++d) {
      if ((axes >> d & 1U) == 0) continue;
      which.push_back(d);
      changes = changes && extents[d] > 1;
      std::ranges::reverse(arrangement.tables[d]);
    }
    if (!changes) continue;
    const std::string along = cat(which.size() == 1 ? "axis " : "axes ", listed(which));
    arrangement.fault = cat("is reversed along ", along);
    arrangement.remedy = cat("is reversed along ", along, " again");
    if (visit(arrangement)) return true;
  }
  return false;
}

bool try_blocks(const std::vector<std::size_t>& extents, std::string_view block,
                const Visit& visit) {
  for (std::size_t axis = extents.size(); axis-- > 0;) {
    for (std::size_t blocks = 2; blocks <= kMaxBlocks; ++blocks) {
      if (extents[axis] % blocks != 0) continue;
      const std::size_t width = extents[axis] / blocks;
      for (const auto& order : orders(blocks)) {
        Arrangement arrangement{plain(extents), "", ""};
        const Table before = arrangement.tables[axis];
        for (std::size_t i = 0; i < extents[axis]; ++i) {
          arrangement.tables[axis][i] = before[order[i / width] * width + i % width];
        }
        arrangement.fault = cat("has its ", blocks, " ", block, "s along axis ", axis,
                                " in the order (", listed(order), ")");
        arrangement.remedy = cat("has its ", block, "s reordered (", listed(inverse(order)), ")");
        if (visit(arrangement)) return true;
      }
    }
  }
  return false;
}

// [u, g·u]: each of g squares transposed by itself.
bool try_square_blocks(const std::vector<std::size_t>& extents, std::string_view block,
                       const Visit& visit) {
  if (extents.size() != 2 || extents[0] == 0 || extents[1] % extents[0] != 0) return false;
  const std::size_t side = extents[0];
  const std::size_t blocks = extents[1] / side;
  if (blocks < 2 || blocks > kMaxBlocks) return false;
  return visit({{steps(side, 1), steps(blocks, side), steps(side, extents[1])},
                cat("has each of its ", blocks, " ", block, "s transposed"),
                cat("has each ", block, " transposed again")});
}

// The rows of a kernel behind a flattened image: in the order of an image with other axes first.
bool try_flattened(const std::vector<std::size_t>& extents, const std::vector<Shape>& images,
                   const Visit& visit) {
  if (extents.empty()) return false;
  const std::size_t inner = product(extents) / std::max<std::size_t>(extents[0], 1);
  for (const Shape& image : images) {
    const auto sides = extents_of(image);
    if (sides.size() < 2 || sides.size() > kMaxAxes || product(sides) != extents[0]) continue;
    for (const auto& order : orders(sides.size())) {
      // What was has the rows of `sides`; what is has those of the sides in that order.
      std::vector<std::size_t> all = sides;
      all.push_back(inner);
      auto tables = plain(all);
      auto whole = order;
      whole.push_back(sides.size());
      if (visit({picked(tables, whole),
                 cat("has its ", extents[0], " rows in the order of a flattened ",
                     shown(picked(sides, order)), ", where ", shown(sides), " is flattened"),
                 cat("has its rows, as ", shown(picked(sides, order)), ", permuted (",
                     listed(inverse(order)), ")")})) {
        return true;
      }
    }
  }
  return false;
}

// Calls `f` with each element's number and where it was, until that returns false.
template <typename F>
bool for_each_element(const Arrangement& arrangement, F&& f) {
  const auto& tables = arrangement.tables;
  std::vector<std::size_t> at(tables.size(), 0);
  std::size_t count = 1;
  for (const Table& table : tables) count *= table.size();
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t from = 0;
    for (std::size_t d = 0; d < tables.size(); ++d) from += tables[d][at[d]];
    if (!f(i, from)) return false;
    for (std::size_t d = tables.size(); d-- > 0;) {
      if (++at[d] < tables[d].size()) break;
      at[d] = 0;
    }
  }
  return true;
}

}  // namespace

bool try_arrangements(const Shape& shape, const std::vector<Shape>& images, std::string_view block,
                      const Visit& visit) {
  const auto extents = extents_of(shape);
  return try_permutations(extents, true, visit) || try_reversals(extents, visit) ||
         try_blocks(extents, block, visit) || try_square_blocks(extents, block, visit) ||
         try_flattened(extents, images, visit) || try_permutations(extents, false, visit);
}

bool explains(const Arrangement& arrangement, std::size_t size, ByteView was, ByteView is) {
  return for_each_element(arrangement, [&](std::size_t i, std::size_t from) {
    return std::memcmp(is.data() + i * size, was.data() + from * size, size) == 0;
  });
}

Bytes undone(const Arrangement& arrangement, std::size_t size, ByteView is) {
  Bytes was(is.size());
  for_each_element(arrangement, [&](std::size_t i, std::size_t from) {
    std::memcpy(was.data() + from * size, is.data() + i * size, size);
    return true;
  });
  return was;
}

}  // namespace ckpt
