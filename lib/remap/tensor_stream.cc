#include "remap/tensor_stream.h"

#include <algorithm>
#include <cstring>

#include "remap/cast.h"
#include "remap/tensors/box.h"

namespace ckpt {
namespace {

// Reads boxes of the tensors that reach each operation, by asking for boxes in front of it.
class LazyOps {
 public:
  LazyOps(const Reader& reader, const Transform& transform)
      : reader_(reader), transform_(transform) {
    specs_.push_back(transform.before);
    for (const Op& op : transform.ops) {
      Op resolved = op;
      specs_.push_back(specs_after(resolved, specs_.back(), transform.to.size()));
      ops_.push_back(std::move(resolved));
    }
  }

  // Elements [first, first + count) of output `target`.
  [[nodiscard]] Bytes read_range(std::size_t target, std::uint64_t first,
                                 std::uint64_t count) const {
    return range(ops_.size(), target, first, count);
  }

 private:
  // The tensors in front of operation `level`; ops_.size() is behind the last.
  [[nodiscard]] const TensorSpec& spec(std::size_t level, std::size_t i) const {
    return specs_[level][i];
  }

  [[nodiscard]] Bytes range(std::size_t level, std::size_t i, std::uint64_t first,
                            std::uint64_t count) const {
    Bytes out(count * size_of(spec(level, i).dtype));
    if (level == 0) {
      reader_.read(transform_.entries[i], first, out);
    } else if (ops_[level - 1].kind == OpKind::kReshape) {
      return range(level - 1, i, first, count);
    } else if (ops_[level - 1].kind == OpKind::kCast) {
      cast_elements(spec(level - 1, i).dtype, range(level - 1, i, first, count),
                    spec(level, i).dtype, out);
    } else {
      std::size_t done = 0;
      for (const Box& part : boxes_of_range(spec(level, i).shape, first, count)) {
        const Bytes bytes = box(level, i, part);
        std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(done));
        done += bytes.size();
      }
    }
    return out;
  }

  // The elements of a box in row-major order.
  [[nodiscard]] Bytes box(std::size_t level, std::size_t i, const Box& part) const {
    if (level == 0) return reader_.read_slice(transform_.entries[i], part.start, part.count).bytes;
    const Op& op = ops_[level - 1];
    const std::uint64_t elements = elements_in(part.count);
    const std::size_t size = size_of(spec(level, i).dtype);
    switch (op.kind) {
      case OpKind::kCast: {
        Bytes out(elements * size);
        cast_elements(spec(level - 1, i).dtype, box(level - 1, i, part), op.dtype, out);
        return out;
      }
      case OpKind::kReshape: {
        Bytes out;
        out.reserve(elements * size);
        for_each_run(spec(level, i).shape, part, [&](std::uint64_t first, std::uint64_t count) {
          const Bytes run = range(level - 1, i, first, count);
          out.insert(out.end(), run.begin(), run.end());
        });
        return out;
      }
      case OpKind::kPermute: {
        Box before{Shape(part.start.size()), Shape(part.start.size())};
        for (std::size_t d = 0; d < op.numbers.size(); ++d) {
          before.start[static_cast<std::size_t>(op.numbers[d])] = part.start[d];
          before.count[static_cast<std::size_t>(op.numbers[d])] = part.count[d];
        }
        Bytes out(elements * size);
        permute_bytes(box(level - 1, i, before), before.count, op.numbers, size, out);
        return out;
      }
      case OpKind::kConcat:
      case OpKind::kStack:
        return joined_box(level, part);
      case OpKind::kSplit: {
        Box before = part;
        for (std::size_t k = 0; k < i; ++k) {
          before.start[static_cast<std::size_t>(op.axis)] += op.numbers[k];
        }
        return box(level - 1, 0, before);
      }
      case OpKind::kUnstack: {
        Box before = part;
        before.start.insert(before.start.begin() + op.axis, static_cast<std::int64_t>(i));
        before.count.insert(before.count.begin() + op.axis, 1);
        return box(level - 1, 0, before);
      }
      case OpKind::kCopy:
        return box(level - 1, 0, part);
    }
    return {};
  }

  // A box of a joined tensor: the part of it that lies in each member, put side by side.
  [[nodiscard]] Bytes joined_box(std::size_t level, const Box& part) const {
    const Op& op = ops_[level - 1];
    const bool is_stack = op.kind == OpKind::kStack;
    const auto axis = static_cast<std::size_t>(op.axis);
    const std::size_t size = size_of(spec(level, 0).dtype);
    Shape inner(part.count.begin() + op.axis + 1, part.count.end());
    Shape outer(part.count.begin(), part.count.begin() + op.axis);
    const std::size_t row = static_cast<std::size_t>(elements_in(inner)) * size;
    const std::size_t rows = static_cast<std::size_t>(elements_in(outer));
    const std::size_t whole = row * static_cast<std::size_t>(part.count[axis]);
    Bytes out(rows * whole);
    std::size_t offset = 0;
    std::int64_t begin = 0;  // of the member along the axis
    for (std::size_t m = 0; m < specs_[level - 1].size(); ++m) {
      const std::int64_t extent = is_stack ? 1 : spec(level - 1, m).shape[axis];
      const std::int64_t from = std::max(part.start[axis], begin);
      const std::int64_t to = std::min(part.start[axis] + part.count[axis], begin + extent);
      if (from < to) {
        Box before = part;
        before.start[axis] = from - begin;
        before.count[axis] = to - from;
        if (is_stack) {
          before.start.erase(before.start.begin() + op.axis);
          before.count.erase(before.count.begin() + op.axis);
        }
        const Bytes bytes = box(level - 1, m, before);
        const std::size_t length = row * static_cast<std::size_t>(to - from);
        for (std::size_t r = 0; length > 0 && r < rows; ++r) {
          std::memcpy(out.data() + r * whole + offset, bytes.data() + r * length, length);
        }
        offset += length;
      }
      begin += extent;
    }
    return out;
  }

  const Reader& reader_;
  const Transform& transform_;
  std::vector<Op> ops_;
  std::vector<std::vector<TensorSpec>> specs_;
};

}  // namespace

void stream_output(const Reader& reader, const Transform& transform, std::size_t target,
                   const std::function<void(ByteView)>& sink, std::uint64_t block_bytes) {
  const LazyOps ops(reader, transform);
  const TensorSpec& spec = transform.to[target].spec;
  const std::uint64_t elements = elements_in(spec.shape);
  const std::uint64_t block = std::max<std::uint64_t>(1, block_bytes / size_of(spec.dtype));
  for (std::uint64_t first = 0; first < elements; first += block) {
    sink(ops.read_range(target, first, std::min(block, elements - first)));
  }
}

}  // namespace ckpt
