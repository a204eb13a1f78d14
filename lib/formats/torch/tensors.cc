#include "formats/torch/tensors.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"
#include "formats/torch/view.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kDeepest = 1000;           // values inside one another
constexpr std::size_t kMostVisits = 10'000'000;  // of values, one counted at each place it is at
constexpr std::string_view kAlone = "tensor";    // the name of a tensor that is in nothing

class Finder {
 public:
  Finder(Pickle& pickle, Trails* trails)
      : pickle_(pickle),
        trails_(trails),
        on_path_(pickle.nodes.size()),
        known_(pickle.views.size()) {
    views_.reserve(pickle.views.size());  // as most are under one name
    if (trails_ != nullptr) trails_->list.reserve(pickle.views.size());
  }

  Tensors run() {
    walk();
    find_aliases();
    Tensors tensors{
        .views = std::move(views_), .names = std::move(names_), .layout = layout(), .notes = {}};
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
  Meaning meaning_of_call(const Node& call) const {
    return pickle_.globals[node(call.call.callee).size].global.meaning;
  }

  [[nodiscard]] bool is_module(const Node& call) const {
    const Meaning meaning = meaning_of_call(call);
    return meaning == Meaning::kModule || meaning == Meaning::kScriptClass;
  }

  // What a value has in it; nothing where it is no container.
  struct Children {
    Ref sequence = Node::kNothing;
    bool are_pairs = false;    // keys and values
    bool are_unnamed = false;  // one value that goes by the container's own name
  };
  Children children_of(Ref ref) const {
    const Node* value = &node(ref);
    if (value->kind == Kind::kCall) {
      if (is_module(*value) && value->size != Node::kNothing) {
        ref = value->size;
        value = &node(ref);
      } else if (meaning_of_call(*value) == Meaning::kInert) {
        return {value->call.arguments, false, true};
      } else {
        return {};
      }
    }
    switch (value->kind) {
      case Kind::kTuple:
      case Kind::kList:
      case Kind::kSet:
        return {ref, false, false};
      case Kind::kDict:
        return {ref, true, false};
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
      case Kind::kTensor:
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
        return std::string(value.text());
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
      case Kind::kTensor:
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
    if (children.sequence == Node::kNothing) {
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
      const auto items = pickle_.items_of(node(children.sequence));
      const std::size_t step = children.are_pairs ? 2 : 1;
      if (frame.next + step > items.size() || (children.are_unnamed && frame.next > 0)) {
        on_path_[frame.ref] = false;
        stack_.pop_back();
        continue;
      }
      const std::size_t at = frame.next;
      frame.next += step;
      Ref value = items[at];
      if (children.are_pairs) {
        const std::string segment = segment_of(value, at / 2);
        value = items[at + 1];
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
    const std::string_view seen = name_.empty() ? kAlone : name_;
    std::optional<std::uint32_t> view;
    try {
      view = view_of(pickle_, ref);
    } catch (const Error& e) {
      throw e.in(escape(seen));
    }
    if (!view) {
      ++others_;
      if (other_names_.size() < 3) other_names_.push_back(escape(seen));
      return;
    }
    pickle_.nodes[ref] = {.kind = Kind::kTensor, .size = *view};  // it may be met again
    const std::string_view name = names_.add(seen);
    const auto number = static_cast<std::uint32_t>(views_.size());
    views_.push_back({name, *view, number});
    if (known_.add(number, [&](std::uint32_t i) { return views_[i].name; }) != number) {
      throw Error(Errc::kCorrupt, cat("two tensors are called '", escape(name), "'"));
    }
    if (trails_ != nullptr) add_trail(name);
  }

  // One view under two names is one variable; a part of its storage is another. The tensors of most
  // files are in their storages' order, each with one of its own.
  void find_aliases() {
    std::vector<std::uint32_t> order(views_.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto less = [&](std::uint32_t a, std::uint32_t b) {
      const int way = compare(views_[a].view, views_[b].view);
      return way != 0 ? way < 0 : a < b;
    };
    if (!std::ranges::is_sorted(order, less)) std::ranges::sort(order, less);
    for (std::size_t i = 1; i < order.size(); ++i) {
      NamedView& named = views_[order[i]];
      const NamedView& before = views_[order[i - 1]];
      const bool has_values = pickle_.views[named.view].dtype != DType::kOther;
      if (has_values && compare(named.view, before.view) == 0) named.original = before.original;
    }
  }

  // Which of two views comes first; 0 where they are the same.
  int compare(std::uint32_t i, std::uint32_t j) const {
    if (i == j) return 0;
    const View& a = pickle_.views[i];
    const View& b = pickle_.views[j];
    const auto key = [](const View& view) {
      return std::tie(view.storage, view.offset, view.dtype, view.native, view.rank);
    };
    if (key(a) != key(b)) return key(a) < key(b) ? -1 : 1;
    const auto count = static_cast<std::ptrdiff_t>(a.dtype == DType::kOther ? a.rank : 2 * a.rank);
    const auto first = pickle_.extents.begin() + a.extents;
    const auto second = pickle_.extents.begin() + b.extents;
    const auto [x, y] = std::mismatch(first, first + count, second);
    return x == first + count ? 0 : *x < *y ? -1 : 1;
  }

  // To the leaf at hand.
  void add_trail(std::string_view name) {
    trails_->list.push_back({name, static_cast<std::uint32_t>(trails_->steps.size()),
                             static_cast<std::uint32_t>(stack_.size())});
    for (std::size_t i = 0; i < stack_.size(); ++i) {
      const Frame& frame = stack_[i];
      const Children children = children_of(frame.ref);
      trails_->steps.push_back(
          {.sequence = children.sequence,
           .position = static_cast<std::uint32_t>(frame.next - (children.are_pairs ? 2 : 1)),
           .is_key = children.are_pairs,
           .end = i + 1 < stack_.size() ? stack_[i + 1].prefix : name_.size()});
    }
  }

  std::string layout() const {
    const Node& root = node(pickle_.root);
    if (root.kind == Kind::kCall) {
      if (!is_module(root)) return "tensor";
      return meaning_of_call(root) == Meaning::kScriptClass ? "TorchScript" : "module";
    }
    if (root.kind == Kind::kTensor) return "tensor";
    if (root.kind == Kind::kList || root.kind == Kind::kTuple) return "list";
    if (root.kind != Kind::kDict) return "value";
    const auto items = pickle_.items_of(root);
    for (std::size_t i = 1; i < items.size(); i += 2) {
      if (children_of(items[i]).sequence != Node::kNothing) return "nested dict";
    }
    return "state dict";
  }

  Pickle& pickle_;
  Trails* trails_;
  std::vector<Frame> stack_;
  std::string name_;  // of where the walk is
  std::vector<bool> on_path_;
  std::vector<NamedView> views_;
  StringPool names_;
  NameIndex known_;  // of views_
  std::size_t visits_ = 0;
  std::size_t others_ = 0;
  std::size_t cycles_ = 0;
  std::vector<std::string> other_names_;
};

}  // namespace

Tensors find_tensors(Pickle& pickle, Trails* trails) { return Finder(pickle, trails).run(); }

}  // namespace ckpt::torch
