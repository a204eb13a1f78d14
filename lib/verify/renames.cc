#include "verify/renames.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "dups/digest.h"
#include "remap/cast.h"
#include "verify/diagnosing/arrangement.h"

namespace ckpt {
namespace {

constexpr std::uint64_t kLargest = std::uint64_t{64} << 20;  // that is taken whole
constexpr std::size_t kMostAxes = 5;
constexpr DType kFloats[] = {DType::kF64, DType::kF32, DType::kBf16, DType::kF16};

std::size_t common_end(std::string_view a, std::string_view b) {
  const auto differs = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  return static_cast<std::size_t>(differs.first - a.rbegin());
}

bool have_same_bytes(const Reader& a, std::size_t i, const Reader& b, std::size_t j) {
  bool is_same = true;
  Bytes other;
  const std::size_t size = size_of(a.index().entries[i].dtype);
  for_each_piece(a, i, [&](std::uint64_t offset, ByteView piece) {
    if (!is_same) return;
    other.resize(piece.size());
    b.read(j, offset / size, other);
    is_same = std::memcmp(piece.data(), other.data(), piece.size()) == 0;
  });
  return is_same;
}

// The same for elements in any order.
std::uint64_t multiset_of(ByteView bytes, std::size_t size) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + at, std::min<std::size_t>(size, 8));
    bits = (bits ^ bits >> 30U) * 0xbf58476d1ce4e5b9U;  // the finalizer of SplitMix64
    bits = (bits ^ bits >> 27U) * 0x94d049bb133111ebU;
    sum += bits ^ bits >> 31U;
  }
  return sum;
}

Bytes cast_to(DType dtype, const Tensor& tensor) {
  if (tensor.dtype == dtype) return tensor.bytes;
  Bytes out(tensor.bytes.size() / size_of(tensor.dtype) * size_of(dtype));
  cast_elements(tensor.dtype, tensor.bytes, dtype, out);
  return out;
}

// Axis d of the result is axis axes[d] of a tensor of `shape`.
Arrangement permuted(const Shape& shape, const std::vector<std::size_t>& axes) {
  std::vector<std::size_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) {
    strides[d - 1] = strides[d] * static_cast<std::size_t>(shape[d]);
  }
  Arrangement arrangement;
  for (const std::size_t axis : axes) {
    auto& table = arrangement.tables.emplace_back(static_cast<std::size_t>(shape[axis]));
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = i * strides[axis];
  }
  return arrangement;
}

class RenameFinder {
 public:
  RenameFinder(const Reader& a, const Reader& b) : a_(a), b_(b) {}

  std::vector<Rename> run(const std::vector<std::size_t>& of_a,
                          const std::vector<std::size_t>& of_b) {
    is_taken_a_.resize(a_.index().entries.size());
    is_taken_b_.resize(b_.index().entries.size());
    match_equal(of_a, of_b);
    match_operated(of_a, of_b);
    std::ranges::sort(found_, {}, &Rename::a);
    return std::move(found_);
  }

 private:
  void take(std::size_t i, std::size_t j, std::string how) {
    is_taken_a_[i] = is_taken_b_[j] = true;
    found_.push_back({i, j, std::move(how)});
  }

  // Of those that are free, the likest name first.
  template <typename F>
  void take_best(std::size_t i, const std::vector<std::size_t>& candidates, F&& how) {
    const std::string& name = a_.index().entries[i].name;
    std::vector<std::size_t> order;
    for (const std::size_t j : candidates) {
      if (!is_taken_b_[j]) order.push_back(j);
    }
    std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t j) {
      return common_end(name, b_.index().entries[j].name);
    });
    for (const std::size_t j : order) {
      if (const std::optional<std::string> found = how(j)) return take(i, j, *found);
    }
  }

  static bool can_read(const Reader& reader, std::size_t i) {
    try {
      reader.check_whole(i);
      return is_numeric(reader.index().entries[i].dtype);
    } catch (const Error&) {
      return false;
    }
  }

  void match_equal(const std::vector<std::size_t>& of_a, const std::vector<std::size_t>& of_b) {
    using Kind = std::pair<DType, Shape>;
    std::map<Kind, std::vector<std::size_t>> by_kind;
    for (const std::size_t j : of_b) {
      const Entry& entry = b_.index().entries[j];
      if (can_read(b_, j)) by_kind[{entry.dtype, entry.shape}].push_back(j);
    }
    std::map<std::size_t, Digest> digests;  // of b's
    for (const std::size_t i : of_a) {
      const Entry& entry = a_.index().entries[i];
      const auto kind = by_kind.find({entry.dtype, entry.shape});
      if (kind == by_kind.end() || !can_read(a_, i)) continue;
      const Digest digest = digest_of(a_, i);
      take_best(i, kind->second, [&](std::size_t j) -> std::optional<std::string> {
        if (!digests.contains(j)) digests.emplace(j, digest_of(b_, j));
        if (digests.at(j) != digest || !have_same_bytes(a_, i, b_, j)) return std::nullopt;
        return "";
      });
    }
  }

  // What the elements are in any order, in the type that they would be cast to.
  using Key = std::pair<DType, std::uint64_t>;

  void match_operated(const std::vector<std::size_t>& of_a, const std::vector<std::size_t>& of_b) {
    std::map<Key, std::vector<std::size_t>> by_key;
    for (const std::size_t j : of_b) {
      const Entry& entry = b_.index().entries[j];
      if (is_taken_b_[j] || entry.nbytes > kLargest || !can_read(b_, j)) continue;
      by_key[{entry.dtype, multiset_of(b_.read(j).bytes, size_of(entry.dtype))}].push_back(j);
    }
    for (const std::size_t i : of_a) {
      const Entry& entry = a_.index().entries[i];
      if (is_taken_a_[i] || entry.nbytes > kLargest || by_key.empty() || !can_read(a_, i)) continue;
      const Tensor tensor = a_.read(i);
      std::vector<DType> targets{entry.dtype};
      if (std::ranges::find(kFloats, entry.dtype) != std::end(kFloats)) {
        for (const DType dtype : kFloats) {
          if (dtype != entry.dtype) targets.push_back(dtype);
        }
      }
      for (const DType dtype : targets) {
        if (is_taken_a_[i]) break;
        const Bytes bytes = cast_to(dtype, tensor);
        const auto candidates = by_key.find({dtype, multiset_of(bytes, size_of(dtype))});
        if (candidates == by_key.end()) continue;
        take_best(i, candidates->second,
                  [&](std::size_t j) { return operations(entry, dtype, bytes, j); });
      }
    }
  }

  // What makes the bytes, those of a's entry in the type of b's, into b's.
  std::optional<std::string> operations(const Entry& entry, DType dtype, ByteView bytes,
                                        std::size_t j) const {
    const Entry& other = b_.index().entries[j];
    const std::string cast = dtype == entry.dtype ? "" : cat("cast(", name_of(dtype), ")");
    const Bytes wanted = b_.read(j).bytes;
    if (other.shape == entry.shape && std::ranges::equal(wanted, bytes)) return cast;
    if (other.shape.size() != entry.shape.size() || entry.shape.size() > kMostAxes) {
      return std::nullopt;
    }
    std::vector<std::size_t> axes(entry.shape.size());
    std::iota(axes.begin(), axes.end(), std::size_t{0});
    while (std::next_permutation(axes.begin(), axes.end())) {
      bool fits = true;
      for (std::size_t d = 0; d < axes.size(); ++d) {
        fits = fits && other.shape[d] == entry.shape[axes[d]];
      }
      if (!fits || !explains(permuted(entry.shape, axes), size_of(dtype), bytes, wanted)) continue;
      std::vector<std::string> numbers;
      for (const std::size_t axis : axes) numbers.push_back(cat(axis));
      return cat("permute(", join(numbers, ","), ")", cast.empty() ? "" : " | ", cast);
    }
    return std::nullopt;
  }

  const Reader& a_;
  const Reader& b_;
  std::vector<bool> is_taken_a_;
  std::vector<bool> is_taken_b_;
  std::vector<Rename> found_;
};

}  // namespace

std::vector<Rename> find_renames(const Reader& a, const std::vector<std::size_t>& of_a,
                                 const Reader& b, const std::vector<std::size_t>& of_b) {
  return RenameFinder(a, b).run(of_a, of_b);
}

}  // namespace ckpt
