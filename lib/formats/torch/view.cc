#include "formats/torch/view.h"

#include <algorithm>
#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/shape.h"
#include "core/text.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kDeepestWrap = 16;  // of a tensor in parameters
constexpr std::size_t kMostDimensions = 64;
constexpr std::size_t kMostExtents = 20'000'000;  // of all tensors

using Parts = std::span<const Ref>;

class ViewMaker {
 public:
  explicit ViewMaker(Pickle& pickle) : pickle_(pickle) {}

  std::optional<std::uint32_t> run(Ref ref) {
    for (std::size_t depth = 0; depth < kDeepestWrap; ++depth) {
      if (node(ref).kind == Kind::kTensor) return node(ref).size;
      if (node(ref).kind != Kind::kCall) return std::nullopt;
      const Node::Call call = node(ref).call;
      Meaning meaning = global(call.callee).meaning;
      Parts parts = parts_of(call.arguments);
      if (meaning == Meaning::kWrappedCall) {
        if (parts.size() < 3 || node(parts[0]).kind != Kind::kGlobal ||
            node(parts[2]).kind != Kind::kTuple) {
          return std::nullopt;
        }
        meaning = global(parts[0]).meaning;
        parts = parts_of(parts[2]);
      }
      switch (meaning) {
        case Meaning::kWrapped:
          if (parts.empty()) return std::nullopt;
          ref = parts[0];
          continue;
        case Meaning::kSparseTensor:
          return add(sparse_view(parts));
        case Meaning::kQuantisedTensor:
        case Meaning::kTensor:
        case Meaning::kTensorOfDType:
          return add(dense_view(parts, meaning));
        case Meaning::kDict:
        case Meaning::kList:
        case Meaning::kSet:
        case Meaning::kStorage:
        case Meaning::kUntypedStorage:
        case Meaning::kDType:
        case Meaning::kWrappedCall:
        case Meaning::kSize:
        case Meaning::kModule:
        case Meaning::kScriptClass:
        case Meaning::kInert:
          return std::nullopt;
      }
    }
    throw Error(Errc::kCorrupt, "is a tensor wrapped in too many others");
  }

 private:
  const Node& node(Ref ref) const { return pickle_.nodes[ref]; }
  const Global& global(Ref ref) const { return pickle_.globals[node(ref).size].global; }
  Parts parts_of(Ref ref) const { return pickle_.items_of(node(ref)); }

  std::uint32_t add(const View& view) {
    pickle_.views.push_back(view);
    return static_cast<std::uint32_t>(pickle_.views.size() - 1);
  }

  // Appends the numbers of a tuple, a list or a torch.Size to the extents; false where it is none.
  bool add_numbers(Ref ref) {
    const Node* list = &node(ref);
    if (list->kind == Kind::kCall && global(list->call.callee).meaning == Meaning::kSize) {
      const Parts arguments = parts_of(list->call.arguments);
      if (arguments.size() != 1) return false;
      list = &node(arguments[0]);
    }
    if (list->kind != Kind::kTuple && list->kind != Kind::kList) return false;
    if (list->size > kMostDimensions) {
      throw Error(Errc::kCorrupt, cat("is a tensor of ", list->size,
                                      " dimensions; PyTorch's have at most ", kMostDimensions));
    }
    for (const Ref item : pickle_.items_of(*list)) {
      if (node(item).kind != Kind::kInt) return false;
      pickle_.extents.push_back(node(item).number);
    }
    return true;
  }

  View dense_view(Parts parts, Meaning meaning) {
    if (parts.size() < 4 || node(parts[0]).kind != Kind::kStorage ||
        node(parts[1]).kind != Kind::kInt) {
      throw Error(Errc::kCorrupt, "is a tensor without a storage and an offset of 64 bits");
    }
    const std::size_t extents = pickle_.extents.size();
    const bool has_shape = add_numbers(parts[2]);
    const std::size_t rank = pickle_.extents.size() - extents;
    if (!has_shape || !add_numbers(parts[3])) {
      throw Error(Errc::kCorrupt, "is a tensor whose size and stride are not numbers of 64 bits");
    }
    const Storage& storage = pickle_.storages[node(parts[0]).size];
    Global type = pickle_.type_of(storage);
    if (meaning == Meaning::kTensorOfDType) {
      if (parts.size() < 7 || node(parts[6]).kind != Kind::kGlobal ||
          global(parts[6]).meaning != Meaning::kDType) {
        throw Error(Errc::kCorrupt, "is a tensor without a dtype");
      }
      type = global(parts[6]);
    }
    View view{.storage = node(parts[0]).size,
              .dtype = type.dtype,
              .element_size = type.size,
              .rank = static_cast<std::uint32_t>(rank),
              .extents = static_cast<std::uint32_t>(extents),
              .offset = node(parts[1]).number,
              .native = type.native};
    const std::int64_t first = node(parts[0]).number;
    check_inside(view, storage, first);
    view.offset += first;
    if (meaning == Meaning::kQuantisedTensor) {
      const std::string_view stored = view.native.empty() ? name_of(view.dtype) : view.native;
      view.native = pickle_.texts.add(cat(stored, " with a scale"));
      view.dtype = DType::kOther;
    }
    if (view.dtype == DType::kOther) pickle_.extents.resize(extents + rank);
    share_extents(view);
    return view;
  }

  // Tensors of one shape often follow one another.
  void share_extents(View& view) {
    auto& all = pickle_.extents;
    if (all.size() > kMostExtents) {
      throw Error(Errc::kUnsupported,
                  cat("its pickle has tensors of more than ", kMostExtents, " dimensions in all"));
    }
    if (pickle_.views.empty() || pickle_.views.back().extents > view.extents) return;
    const auto own = std::span(all).subspan(view.extents);
    const auto last = std::span(all).subspan(pickle_.views.back().extents,
                                             view.extents - pickle_.views.back().extents);
    if (!std::ranges::equal(own, last)) return;
    all.resize(view.extents);
    view.extents = pickle_.views.back().extents;
  }

  // The last element a view can reach must be in the storage.
  void check_inside(const View& view, const Storage& storage, std::int64_t first) const {
    const auto shape = pickle_.shape_of(view);
    const auto stride = std::span(pickle_.extents).subspan(view.extents + view.rank);
    const auto fail = [&](std::string_view seen) {
      throw Error(Errc::kCorrupt,
                  cat("has size ", ckpt::to_string(Shape(shape.begin(), shape.end())), ", stride ",
                      ckpt::to_string(Shape(stride.begin(), stride.end())), ", offset ",
                      view.offset, ": ", seen));
    };
    if (shape.size() != stride.size()) fail("size and stride are not of one rank");
    const auto elements = num_elements(Shape(shape.begin(), shape.end()));
    if (!elements || !checked_mul(*elements, std::uint64_t{view.element_size})) {
      fail("its elements cannot be counted in 63 bits");
    }
    if (view.offset < 0 || !checked_add(view.offset, first)) fail("its offset is no place");
    std::optional<std::int64_t> last = view.offset + first;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (stride[d] < 0) fail("a stride is negative");
      const auto reach = checked_mul(std::max<std::int64_t>(shape[d] - 1, 0), stride[d]);
      last = reach && last ? checked_add(*last, *reach) : std::nullopt;
    }
    const std::uint64_t unit = pickle_.type_of(storage).size;
    const auto available = checked_mul(static_cast<std::uint64_t>(storage.count), unit);
    if (!available) fail("its storage has more bytes than 64 bits can count");
    const auto end =
        last ? checked_add(static_cast<std::uint64_t>(*last), std::uint64_t{1}) : std::nullopt;
    const auto needed = end ? checked_mul(*end, std::uint64_t{view.element_size}) : std::nullopt;
    if (*elements > 0 && (!needed || *needed > *available)) {
      fail(cat("it reaches past its storage ", escape(storage.key), ", which has ", storage.count,
               " elements"));
    }
  }

  // _rebuild_sparse_tensor(layout, (indices, values, size, …)).
  View sparse_view(Parts parts) {
    View view{.native = "sparse tensor"};
    if (parts.size() < 2 || node(parts[1]).kind != Kind::kTuple) return view;
    const Parts data = parts_of(parts[1]);
    if (data.size() >= 2 && !std::exchange(is_in_sparse_, true)) {
      if (const auto values = run(data[1])) {
        const View& stored = pickle_.views[*values];
        view.storage = stored.storage;
        view.native = pickle_.texts.add(cat("sparse tensor of ", name_of(stored.dtype)));
      }
    }
    for (std::size_t i = 2; i < data.size(); ++i) {
      const std::size_t extents = pickle_.extents.size();
      if (add_numbers(data[i])) {
        const Shape shape(pickle_.extents.begin() + static_cast<std::ptrdiff_t>(extents),
                          pickle_.extents.end());
        if (num_elements(shape)) {
          view.extents = static_cast<std::uint32_t>(extents);
          view.rank = static_cast<std::uint32_t>(shape.size());
        }
        break;
      }
      pickle_.extents.resize(extents);
    }
    return view;
  }

  Pickle& pickle_;
  bool is_in_sparse_ = false;  // one in another is not looked at
};

}  // namespace

std::optional<std::uint32_t> view_of(Pickle& pickle, Ref ref) { return ViewMaker(pickle).run(ref); }

}  // namespace ckpt::torch
