#include "formats/torch/tensors.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kDeepest = 1000;           // values inside one another
constexpr std::size_t kMostVisits = 10'000'000;  // of values, one counted at each place it is at
constexpr std::size_t kDeepestWrap = 16;         // of a tensor in parameters
constexpr std::string_view kAlone = "tensor";    // the name of a tensor that is in nothing

class Finder {
 public:
  Finder(const Pickle& pickle, std::vector<Trail>* trails)
      : pickle_(pickle), trails_(trails), on_path_(pickle.nodes.size()) {}

  Tensors run() {
    walk();
    Tensors tensors{.views = std::move(views_), .layout = layout(), .notes = {}};
    for (NamedView& named : tensors.views) std::ranges::sort(named.aliases);
    if (tensors.views.empty()) {
      tensors.notes.push_back("there are no tensors in it: it is no file of weights");
    }
    if (others_ > 0) {
      tensors.notes.push_back(
          cat(count_of(others_, "value"), others_ == 1 ? " that is" : " that are", " no tensor",
              others_ == 1 ? " is" : "s are", " not listed: ", join(other_names_, ", "),
              others_ > other_names_.size() ? ", …" : ""));
    }
    if (cycles_ > 0) {
      tensors.notes.push_back(cat(count_of(cycles_, "value"), " that contain",
                                  cycles_ == 1 ? "s itself is" : " themselves are",
                                  " not followed further"));
    }
    return tensors;
  }

 private:
  struct Frame {
    Ref ref;
    std::size_t next = 0;    // child
    std::size_t prefix = 0;  // length of the name that leads here
  };

  const Node& node(Ref ref) const { return pickle_.nodes[ref]; }
  const Global& global(const Node& global_node) const {
    return pickle_.globals[static_cast<std::size_t>(global_node.number)];
  }
  Meaning meaning_of_call(const Node& call) const { return global(node(call.callee)).meaning; }

  // Numbers of a tuple, a list or a torch.Size.
  std::optional<std::vector<std::int64_t>> numbers(Ref ref) const {
    const Node* list = &node(ref);
    if (list->kind == Kind::kCall && meaning_of_call(*list) == Meaning::kSize) {
      const auto& arguments = pickle_.items(node(list->arguments));
      if (arguments.size() != 1) return std::nullopt;
      list = &node(arguments[0]);
    }
    if (list->kind != Kind::kTuple && list->kind != Kind::kList) return std::nullopt;
    std::vector<std::int64_t> out;
    for (const Ref item : pickle_.items(*list)) {
      if (node(item).kind != Kind::kInt) return std::nullopt;
      out.push_back(node(item).number);
    }
    return out;
  }

  // The tensor that a call stands for; empty where it stands for none.
  std::optional<View> view_of(Ref ref) const {
    for (std::size_t depth = 0; depth < kDeepestWrap; ++depth) {
      const Node& call = node(ref);
      if (call.kind != Kind::kCall) return std::nullopt;
      Meaning meaning = meaning_of_call(call);
      Ref arguments = call.arguments;
      if (meaning == Meaning::kWrappedCall) {
        const auto& parts = pickle_.items(node(arguments));
        if (parts.size() < 3 || node(parts[0]).kind != Kind::kGlobal ||
            node(parts[2]).kind != Kind::kTuple) {
          return std::nullopt;
        }
        meaning = global(node(parts[0])).meaning;
        arguments = parts[2];
      }
      const auto& parts = pickle_.items(node(arguments));
      if (meaning == Meaning::kWrapped) {
        if (parts.empty()) return std::nullopt;
        ref = parts[0];
        continue;
      }
      if (meaning == Meaning::kSparseTensor) return sparse_view(parts);
      const bool is_quantised = meaning == Meaning::kQuantisedTensor;
      if (meaning == Meaning::kTensor || meaning == Meaning::kTensorOfDType || is_quantised) {
        return dense_view(parts, meaning);
      }
      return std::nullopt;
    }
    throw Error(Errc::kCorrupt, "is a tensor wrapped in too many others");
  }

  View dense_view(const std::vector<Ref>& parts, Meaning meaning) const {
    if (parts.size() < 4 || node(parts[0]).kind != Kind::kStorage ||
        node(parts[1]).kind != Kind::kInt) {
      throw Error(Errc::kCorrupt, "is a tensor without a storage and an offset of 64 bits");
    }
    const auto shape = numbers(parts[2]);
    const auto stride = numbers(parts[3]);
    if (!shape || !stride) {
      throw Error(Errc::kCorrupt, "is a tensor whose size and stride are not numbers of 64 bits");
    }
    const Storage& storage = pickle_.storages[static_cast<std::size_t>(node(parts[0]).number)];
    Global type = storage.type;
    View view{.storage = static_cast<std::size_t>(node(parts[0]).number),
              .shape = *shape,
              .stride = *stride,
              .offset = node(parts[1]).number};
    if (meaning == Meaning::kTensorOfDType) {
      if (parts.size() < 7 || node(parts[6]).kind != Kind::kGlobal ||
          global(node(parts[6])).meaning != Meaning::kDType) {
        throw Error(Errc::kCorrupt, "is a tensor without a dtype");
      }
      type = global(node(parts[6]));
    }
    view.dtype = type.dtype;
    view.native = type.native;
    view.element_size = type.size;
    const std::int64_t first = node(parts[0]).first;
    check_inside(view, storage, first);
    view.offset += first;
    if (meaning == Meaning::kQuantisedTensor) {
      if (view.native.empty()) view.native = name_of(view.dtype);
      view.native += " with a scale";
      view.dtype = DType::kOther;
    }
    if (view.dtype == DType::kOther) view.stride.clear();
    return view;
  }

  // The last element a view can reach must be in the storage.
  void check_inside(const View& view, const Storage& storage, std::int64_t first) const {
    const auto words = [&] {
      return cat("size ", ckpt::to_string(view.shape), ", stride ", ckpt::to_string(view.stride),
                 ", offset ", view.offset);
    };
    const auto fail = [&](std::string_view seen) {
      throw Error(Errc::kCorrupt, cat("has ", words(), ": ", seen));
    };
    if (view.shape.size() != view.stride.size()) fail("size and stride are not of one rank");
    const auto elements = num_elements(view.shape);
    if (!elements || !checked_mul(*elements, std::uint64_t{view.element_size})) {
      fail("its elements cannot be counted in 63 bits");
    }
    if (view.offset < 0 || !checked_add(view.offset, first)) fail("its offset is no place");
    std::optional<std::int64_t> last = view.offset + first;
    for (std::size_t d = 0; d < view.shape.size(); ++d) {
      if (view.stride[d] < 0) fail("a stride is negative");
      const auto reach = checked_mul(std::max<std::int64_t>(view.shape[d] - 1, 0), view.stride[d]);
      last = reach && last ? checked_add(*last, *reach) : std::nullopt;
    }
    const std::uint64_t unit = storage.type.size;
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
  View sparse_view(const std::vector<Ref>& parts) const {
    View view{.native = "sparse tensor"};
    if (parts.size() >= 2 && node(parts[1]).kind == Kind::kTuple) {
      const auto& data = pickle_.items(node(parts[1]));
      for (std::size_t i = 2; i < data.size(); ++i) {
        if (const auto shape = numbers(data[i])) {
          const auto elements = num_elements(*shape);
          if (elements) view.shape = *shape;
          break;
        }
      }
      if (data.size() >= 2) {
        if (const auto values = view_of(data[1])) {
          view.storage = values->storage;
          view.native = cat("sparse tensor of ", name_of(values->dtype));
        }
      }
    }
    return view;
  }

  [[nodiscard]] bool is_module(const Node& call) const {
    const Meaning meaning = meaning_of_call(call);
    return meaning == Meaning::kModule || meaning == Meaning::kScriptClass;
  }

  // What a value has in it; nothing where it is no container.
  struct Children {
    const std::vector<Ref>* items = nullptr;
    bool are_pairs = false;    // keys and values
    bool are_unnamed = false;  // one value that goes by the container's own name
  };
  Children children_of(Ref ref) const {
    const Node* value = &node(ref);
    if (value->kind == Kind::kCall) {
      if (is_module(*value) && value->state != Node::kNothing) {
        value = &node(value->state);
      } else if (meaning_of_call(*value) == Meaning::kInert) {
        return {&pickle_.items(node(value->arguments)), false, true};
      } else {
        return {};
      }
    }
    switch (value->kind) {
      case Kind::kTuple:
      case Kind::kList:
      case Kind::kSet:
        return {&pickle_.items(*value), false, false};
      case Kind::kDict:
        return {&pickle_.items(*value), true, false};
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kBigInt:
      case Kind::kFloat:
      case Kind::kText:
      case Kind::kBytes:
      case Kind::kGlobal:
      case Kind::kCall:
      case Kind::kStorage:
        break;
    }
    return {};
  }

  // The segment of a dict's key, or of an attribute.
  std::string segment_of(Ref key, std::size_t position) const {
    const Node& value = node(key);
    switch (value.kind) {
      case Kind::kText:
      case Kind::kBytes:
        return std::string(value.text);
      case Kind::kInt:
        return cat(value.number);
      case Kind::kBool:
        return value.number != 0 ? "True" : "False";
      case Kind::kNone:
        return "None";
      case Kind::kFloat:
        return cat(value.real);
      case Kind::kBigInt:
      case Kind::kTuple:
      case Kind::kList:
      case Kind::kSet:
      case Kind::kDict:
      case Kind::kGlobal:
      case Kind::kCall:
      case Kind::kStorage:
        break;
    }
    return cat("key ", position);
  }

  // Is `key` where a module keeps its variables and inner modules, which have names of their own?
  bool is_transparent(const Frame& frame, std::string_view segment) const {
    const Node& owner = node(frame.ref);
    return owner.kind == Kind::kCall && meaning_of_call(owner) == Meaning::kModule &&
           (segment == "_parameters" || segment == "_buffers" || segment == "_modules");
  }

  void enter(Ref ref) {
    if (visits_++ > kMostVisits) {
      throw Error(Errc::kUnsupported, cat("its pickle has values at more than ", kMostVisits,
                                          " places; the same few are repeated without end"));
    }
    const Children children = children_of(ref);
    if (children.items == nullptr) {
      take_leaf(ref);
      return;
    }
    if (on_path_[ref]) {
      ++cycles_;
      return;
    }
    if (stack_.size() == kDeepest) {
      throw Error(Errc::kUnsupported,
                  cat("its pickle has values inside one another more than ", kDeepest, " deep"));
    }
    on_path_[ref] = true;
    stack_.push_back({ref, 0, name_.size()});
  }

  void walk() {
    enter(pickle_.root);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      name_.resize(frame.prefix);
      const Children children = children_of(frame.ref);
      const std::size_t step = children.are_pairs ? 2 : 1;
      if (frame.next + step > children.items->size() || (children.are_unnamed && frame.next > 0)) {
        on_path_[frame.ref] = false;
        stack_.pop_back();
        continue;
      }
      const std::size_t at = frame.next;
      frame.next += step;
      Ref value = (*children.items)[at];
      if (children.are_pairs) {
        const std::string segment = segment_of(value, at / 2);
        value = (*children.items)[at + 1];
        if (!is_transparent(frame, segment)) append(segment);
      } else if (!children.are_unnamed) {
        append(cat(at));
      }
      enter(value);
    }
  }

  void append(std::string_view segment) {
    if (!name_.empty()) name_ += '.';
    name_ += segment;
  }

  void take_leaf(Ref ref) {
    std::optional<View> view;
    const std::string name = name_.empty() ? std::string(kAlone) : name_;
    try {
      view = view_of(ref);
    } catch (const Error& e) {
      throw e.in(escape(name));
    }
    if (!view) {
      ++others_;
      if (other_names_.size() < 3) other_names_.push_back(escape(name));
      return;
    }
    if (!names_.insert(name).second) {
      throw Error(Errc::kCorrupt, cat("two tensors are called '", escape(name), "'"));
    }
    if (trails_ != nullptr) trails_->push_back({name, trail()});
    // One view under two names is one variable; a part of its storage is another.
    if (!view->stride.empty() || view->shape.empty()) {
      auto& same = by_storage_[{view->storage, view->offset}];
      for (const std::size_t i : same) {
        if (views_[i].view == *view && view->dtype != DType::kOther) {
          views_[i].aliases.push_back(name);
          return;
        }
      }
      same.push_back(views_.size());
    }
    views_.push_back({.name = name, .aliases = {}, .view = std::move(*view)});
  }

  // To the leaf at hand.
  std::vector<Trail::Step> trail() const {
    std::vector<Trail::Step> steps;
    for (std::size_t i = 0; i < stack_.size(); ++i) {
      const Frame& frame = stack_[i];
      const Children children = children_of(frame.ref);
      steps.push_back({static_cast<std::uint32_t>(children.items - pickle_.sequences.data()),
                       frame.next - (children.are_pairs ? 2 : 1), children.are_pairs,
                       i + 1 < stack_.size() ? stack_[i + 1].prefix : name_.size()});
    }
    return steps;
  }

  std::string layout() const {
    const Node& root = node(pickle_.root);
    if (root.kind == Kind::kCall) {
      if (!is_module(root)) return "tensor";
      return meaning_of_call(root) == Meaning::kScriptClass ? "TorchScript" : "module";
    }
    if (root.kind == Kind::kList || root.kind == Kind::kTuple) return "list";
    if (root.kind != Kind::kDict) return "value";
    const auto& items = pickle_.items(root);
    for (std::size_t i = 1; i < items.size(); i += 2) {
      if (children_of(items[i]).items != nullptr) return "nested dict";
    }
    return "state dict";
  }

  const Pickle& pickle_;
  std::vector<Trail>* trails_;
  std::vector<Frame> stack_;
  std::string name_;  // of where the walk is
  std::vector<bool> on_path_;
  std::vector<NamedView> views_;
  std::unordered_set<std::string> names_;
  std::map<std::pair<std::size_t, std::int64_t>, std::vector<std::size_t>> by_storage_;
  std::size_t visits_ = 0;
  std::size_t others_ = 0;
  std::size_t cycles_ = 0;
  std::vector<std::string> other_names_;
};

}  // namespace

Tensors find_tensors(const Pickle& pickle, std::vector<Trail>* trails) {
  return Finder(pickle, trails).run();
}

}  // namespace ckpt::torch
