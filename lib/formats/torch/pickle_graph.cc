#include "formats/torch/pickle_graph.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/likely_rows.h"
#include "formats/torch/pickle_text.h"
#include "formats/torch/view.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kMostNodes = 20'000'000;
constexpr std::size_t kMostItems = 100'000'000;

void check_limit(std::size_t count, std::size_t most) {
  if (count > most) {
    throw Error(Errc::kUnsupported, cat("its pickle has more than ", most, " values"));
  }
}

bool is_list_or_tuple(const Node& node) {
  return node.kind == Kind::kList || node.kind == Kind::kTuple;
}

}  // namespace

PickleGraph::PickleGraph(std::size_t bytes) {
  pickle_.items.reserve(likely_rows(bytes, 48));
  pickle_.extents.reserve(likely_rows(bytes, 32));
  none_ = add({.kind = Kind::kNone});
  false_ = add({.kind = Kind::kBool, .number = 0});
  true_ = add({.kind = Kind::kBool, .number = 1});
  for (std::size_t i = 0; i < small_.size(); ++i) {
    small_[i] = add({.kind = Kind::kInt, .number = static_cast<std::int64_t>(i)});
  }
  keep();
}

PickleGraph::Place PickleGraph::here() const {
  return {static_cast<std::uint32_t>(pickle_.nodes.size()),
          static_cast<std::uint32_t>(pickle_.items.size())};
}

Ref PickleGraph::add(Node node) {
  check_limit(pickle_.nodes.size() + 1, kMostNodes);
  pickle_.nodes.push_back(node);
  return static_cast<Ref>(pickle_.nodes.size() - 1);
}

Ref PickleGraph::add_sequence(Kind kind, std::span<const Ref> items) {
  const Ref made = add({.kind = kind, .items = {here().items, 0}});
  append(made, items);
  return made;
}

void PickleGraph::append(Ref sequence, std::span<const Ref> values) {
  Node& target = pickle_.nodes[sequence];
  auto& all = pickle_.items;
  const std::size_t size = std::size_t{target.size} + values.size();
  if (size > target.items.room) {
    // The last sequence grows where it is; another one moves behind all, with room to grow.
    const bool is_last = std::size_t{target.items.first} + target.items.room == all.size();
    const std::size_t room = is_last ? size : std::max(size, 2 * std::size_t{target.size});
    const std::size_t first = is_last ? target.items.first : all.size();
    check_limit(first + room, kMostItems);
    all.resize(first + room);
    std::copy_n(all.begin() + target.items.first, target.size,
                all.begin() + static_cast<std::ptrdiff_t>(first));
    target.items = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(room)};
  }
  std::ranges::copy(values, all.begin() + target.items.first + target.size);
  target.size = static_cast<std::uint32_t>(size);
  if (sequence < kept_.nodes) keep();
}

Ref PickleGraph::add_int(std::int64_t value) {
  if (value >= 0 && static_cast<std::size_t>(value) < small_.size()) {
    return small_[static_cast<std::size_t>(value)];
  }
  return add({.kind = Kind::kInt, .number = value});
}

Ref PickleGraph::add_real(double value) { return add({.kind = Kind::kFloat, .real = value}); }

Ref PickleGraph::add_text(Kind kind, std::string_view text) {
  return add({.kind = kind, .size = static_cast<std::uint32_t>(text.size()), .bytes = text.data()});
}

Ref PickleGraph::add_owned(Kind kind, std::string_view text) {
  return add_text(kind, pickle_.texts.add(text));
}

Ref PickleGraph::add_little_endian(std::string_view bytes) {
  if (bytes.size() > 8) return add_text(Kind::kBigInt, bytes);
  std::uint64_t value = little_endian(bytes);
  if (!bytes.empty() && bytes.size() < 8 &&
      (static_cast<unsigned char>(bytes.back()) & 0x80) != 0) {
    value |= ~std::uint64_t{0} << (8 * bytes.size());
  }
  return add_int(static_cast<std::int64_t>(value));
}

Ref PickleGraph::add_global(std::string_view module, std::string_view name) {
  const auto name_of = [&](std::uint32_t i) { return pickle_.globals[i].name; };
  const std::string full = cat(module, ".", name);
  std::uint32_t number = globals_.find(full, name_of);
  if (number == NameIndex::kNone) {
    number = static_cast<std::uint32_t>(pickle_.globals.size());
    pickle_.globals.push_back({pickle_.texts.add(full), find_global(module, name)});
    globals_.add(number, name_of);
  }
  return add({.kind = Kind::kGlobal, .size = number});
}

void PickleGraph::set_state(Ref object, Ref state) {
  Node& target = pickle_.nodes[object];
  if (target.kind == Kind::kCall) {
    target.size = state;
  } else if (target.kind != Kind::kDict && target.kind != Kind::kTensor) {
    fail("its pickle gives a state to a value that has none");
  }
  if (object < kept_.nodes) keep();
}

Ref PickleGraph::call(Ref callee, Ref arguments, Place begin) {
  if (node(callee).kind != Kind::kGlobal) {
    fail("its pickle calls a value that is no class and no function");
  }
  if (node(arguments).kind != Kind::kTuple) {
    fail(cat("its pickle calls ", global(callee).name, " with no tuple of arguments"));
  }
  const auto record = [&] {
    return add({.kind = Kind::kCall, .size = Node::kNothing, .call = {callee, arguments}});
  };
  switch (global(callee).global.meaning) {
    case Meaning::kDict:
      return make_dict(arguments);
    case Meaning::kList:
      return add_sequence(Kind::kList, {});
    case Meaning::kSet:
      return make_set(arguments);
    case Meaning::kTensor:
    case Meaning::kTensorOfDType:
    case Meaning::kWrapped:
    case Meaning::kWrappedCall:
    case Meaning::kQuantisedTensor:
    case Meaning::kSparseTensor:
      return make_tensor(record(), begin);
    case Meaning::kStorage:
    case Meaning::kUntypedStorage:
    case Meaning::kDType:
    case Meaning::kSize:
    case Meaning::kModule:
    case Meaning::kScriptClass:
    case Meaning::kInert:
      break;
  }
  return record();
}

// What is wrong with a tensor is said by whoever comes to it again, and knows its name.
Ref PickleGraph::make_tensor(Ref call, Place begin) {
  if (!views_are_sound_) return call;
  std::optional<std::uint32_t> view;
  try {
    view = view_of(pickle_, call);
  } catch (const Error&) {
    views_are_sound_ = false;
  }
  if (!view) return call;
  pickle_.nodes.resize(std::max(begin.nodes, kept_.nodes));
  pickle_.items.resize(std::max(begin.items, kept_.items));
  return add({.kind = Kind::kTensor, .size = *view});
}

Ref PickleGraph::make_set(Ref arguments) {
  const auto parts = items(arguments);
  std::vector<Ref> members;
  if (!parts.empty() && is_list_or_tuple(node(parts[0]))) {
    const auto source = items(parts[0]);
    members.assign(source.begin(), source.end());
  }
  return add_sequence(Kind::kSet, members);
}

// OrderedDict() and defaultdict(class) are empty; OrderedDict([(key, value), …]), which protocol
// 0 and 1 write, and OrderedDict(dict) are not.
Ref PickleGraph::make_dict(Ref arguments) {
  std::vector<Ref> pairs;
  for (const Ref argument : items(arguments)) {
    if (node(argument).kind == Kind::kDict) {
      pairs.assign(items(argument).begin(), items(argument).end());
    } else if (is_list_or_tuple(node(argument))) {
      for (const Ref item : items(argument)) {
        if (!is_list_or_tuple(node(item)) || items(item).size() != 2) {
          fail("its pickle makes a dict of what are not pairs");
        }
        pairs.insert(pairs.end(), items(item).begin(), items(item).end());
      }
    }
  }
  return add_sequence(Kind::kDict, pairs);
}

std::string_view PickleGraph::text_of(Ref ref, std::string_view what) const {
  if (node(ref).kind != Kind::kText) fail(cat(what, " is no text"));
  return node(ref).text();
}

Ref PickleGraph::load_persistent(Ref id) {
  constexpr std::string_view kWhat = "an item of a storage's name in the pickle";
  if (node(id).kind != Kind::kTuple || items(id).empty()) {
    fail("its pickle names a storage by what is no tuple");
  }
  const auto parts = items(id);
  const std::string_view kind = text_of(parts[0], kWhat);
  if (kind == "module" && parts.size() == 4 && node(parts[1]).kind == Kind::kGlobal)
    return parts[1];
  if (kind != "storage" || parts.size() < 5 || parts.size() > 6) {
    fail(cat("its pickle has a persistent id '", escape(kind), "' of ", parts.size(),
             " items; 'storage' with 5 is known"));
  }
  if (node(parts[1]).kind != Kind::kGlobal) fail("a storage's class in the pickle is none");
  const NamedGlobal& type = global(parts[1]);
  if (type.global.meaning != Meaning::kStorage && type.global.meaning != Meaning::kUntypedStorage) {
    fail(cat(type.name, " in the pickle is no class of storages"));
  }
  const std::string_view key = text_of(parts[2], kWhat);
  const Node& count = node(parts[4]);
  if (count.kind != Kind::kInt || count.number < 0) {
    fail(cat("storage ", escape(key), " has no number of elements"));
  }
  std::int64_t first = 0;  // where a view into the storage begins
  if (parts.size() == 6 && node(parts[5]).kind == Kind::kTuple) {
    const auto view = items(parts[5]);
    if (view.size() != 3 || node(view[1]).kind != Kind::kInt || node(view[1]).number < 0) {
      fail(cat("storage ", escape(key), " has a malformed view"));
    }
    first = node(view[1]).number;
  }
  const auto name_of = [&](std::uint32_t i) { return pickle_.storages[i].key; };
  std::uint32_t number = storages_.find(key, name_of);
  if (number == NameIndex::kNone) {
    number = static_cast<std::uint32_t>(pickle_.storages.size());
    pickle_.storages.push_back({key, node(parts[1]).size, count.number});
    storages_.add(number, name_of);
  } else {
    const Storage& known = pickle_.storages[number];
    const Global& known_type = pickle_.type_of(known);
    if (known.count != count.number || known_type.dtype != type.global.dtype ||
        known_type.native != type.global.native) {
      fail(cat("storage ", escape(key), " is described twice, and not alike"));
    }
  }
  return add({.kind = Kind::kStorage, .size = number, .number = first});
}

}  // namespace ckpt::torch
