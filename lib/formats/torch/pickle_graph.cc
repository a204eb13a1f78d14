#include "formats/torch/pickle_graph.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kMostNodes = 20'000'000;

[[noreturn]] void fail(const std::string& sentence) { throw Error(Errc::kCorrupt, sentence); }

}  // namespace

PickleGraph::PickleGraph() {
  none_ = add({.kind = Kind::kNone});
  false_ = add({.kind = Kind::kBool, .number = 0});
  true_ = add({.kind = Kind::kBool, .number = 1});
  for (std::size_t i = 0; i < small_.size(); ++i) {
    small_[i] = add({.kind = Kind::kInt, .number = static_cast<std::int64_t>(i)});
  }
}

Ref PickleGraph::add(Node node) {
  if (pickle_.nodes.size() == kMostNodes) {
    throw Error(Errc::kUnsupported, cat("its pickle has more than ", kMostNodes, " values"));
  }
  pickle_.nodes.push_back(node);
  return static_cast<Ref>(pickle_.nodes.size() - 1);
}

Ref PickleGraph::add_sequence(Kind kind, std::vector<Ref> items) {
  pickle_.sequences.push_back(std::move(items));
  return add({.kind = kind, .items = static_cast<std::uint32_t>(pickle_.sequences.size() - 1)});
}

Ref PickleGraph::add_int(std::int64_t value) {
  if (value >= 0 && static_cast<std::size_t>(value) < small_.size()) {
    return small_[static_cast<std::size_t>(value)];
  }
  return add({.kind = Kind::kInt, .number = value});
}

Ref PickleGraph::add_text(Kind kind, std::string_view text) {
  return add({.kind = kind, .text = text});
}

Ref PickleGraph::add_owned(Kind kind, std::string text) {
  pickle_.texts.push_back(std::move(text));
  return add_text(kind, pickle_.texts.back());
}

Ref PickleGraph::add_little_endian(std::string_view bytes) {
  if (bytes.size() > 8) return add_text(Kind::kBigInt, bytes);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  if (!bytes.empty() && bytes.size() < 8 &&
      (static_cast<unsigned char>(bytes.back()) & 0x80) != 0) {
    value |= ~std::uint64_t{0} << (8 * bytes.size());
  }
  return add_int(static_cast<std::int64_t>(value));
}

Ref PickleGraph::add_global(std::string_view module, std::string_view name) {
  const Global global = find_global(module, name);
  pickle_.globals.push_back(global);
  pickle_.texts.push_back(cat(module, ".", name));
  return add({.kind = Kind::kGlobal,
              .number = static_cast<std::int64_t>(pickle_.globals.size() - 1),
              .text = pickle_.texts.back()});
}

Ref PickleGraph::call(Ref callee, Ref arguments) {
  if (node(callee).kind != Kind::kGlobal) {
    fail(cat("its pickle calls a value that is no class and no function"));
  }
  if (node(arguments).kind != Kind::kTuple) {
    fail(cat("its pickle calls ", node(callee).text, " with no tuple of arguments"));
  }
  switch (pickle_.globals[static_cast<std::size_t>(node(callee).number)].meaning) {
    case Meaning::kDict:
      return make_dict(arguments);
    case Meaning::kList:
      return add_sequence(Kind::kList, {});
    case Meaning::kSet: {
      std::vector<Ref> members;
      if (!items(arguments).empty()) {
        const Node source = node(items(arguments)[0]);
        const bool is_sequence = source.kind == Kind::kList || source.kind == Kind::kTuple;
        if (is_sequence) members = pickle_.sequences[source.items];
      }
      return add_sequence(Kind::kSet, std::move(members));
    }
    case Meaning::kStorage:
    case Meaning::kUntypedStorage:
    case Meaning::kDType:
    case Meaning::kTensor:
    case Meaning::kTensorOfDType:
    case Meaning::kWrapped:
    case Meaning::kWrappedCall:
    case Meaning::kQuantisedTensor:
    case Meaning::kSparseTensor:
    case Meaning::kSize:
    case Meaning::kModule:
    case Meaning::kScriptClass:
    case Meaning::kInert:
      break;
  }
  return add({.kind = Kind::kCall, .callee = callee, .arguments = arguments});
}

// OrderedDict() and defaultdict(class) are empty; OrderedDict([(key, value), …]), which protocol
// 0 and 1 write, and OrderedDict(dict) are not.
Ref PickleGraph::make_dict(Ref arguments) {
  std::vector<Ref> pairs;
  for (const Ref argument : items(arguments)) {
    const Node source = node(argument);
    if (source.kind == Kind::kDict) {
      pairs = pickle_.sequences[source.items];
    } else if (source.kind == Kind::kList || source.kind == Kind::kTuple) {
      for (const Ref item : pickle_.sequences[source.items]) {
        const Node pair = node(item);
        if ((pair.kind != Kind::kList && pair.kind != Kind::kTuple) ||
            pickle_.sequences[pair.items].size() != 2) {
          fail(cat("its pickle makes a dict of what are not pairs"));
        }
        pairs.push_back(pickle_.sequences[pair.items][0]);
        pairs.push_back(pickle_.sequences[pair.items][1]);
      }
    }
  }
  return add_sequence(Kind::kDict, std::move(pairs));
}

const Node& PickleGraph::text_node(Ref ref, std::string_view what) {
  if (node(ref).kind != Kind::kText) fail(cat(what, " is no text"));
  return node(ref);
}

Ref PickleGraph::load_persistent(Ref id) {
  constexpr std::string_view kWhat = "an item of a storage's name in the pickle";
  if (node(id).kind != Kind::kTuple || items(id).empty()) {
    fail(cat("its pickle names a storage by what is no tuple"));
  }
  const std::vector<Ref> parts = items(id);
  const std::string_view kind = text_node(parts[0], kWhat).text;
  if (kind == "module" && parts.size() == 4 && node(parts[1]).kind == Kind::kGlobal)
    return parts[1];
  if (kind != "storage" || parts.size() < 5 || parts.size() > 6) {
    fail(cat("its pickle has a persistent id '", escape(kind), "' of ", parts.size(),
             " items; 'storage' with 5 is known"));
  }
  const Node& type = node(parts[1]);
  if (type.kind != Kind::kGlobal) fail(cat("a storage's class in the pickle is none"));
  const Global global = pickle_.globals[static_cast<std::size_t>(type.number)];
  if (global.meaning != Meaning::kStorage && global.meaning != Meaning::kUntypedStorage) {
    fail(cat(type.text, " in the pickle is no class of storages"));
  }
  const std::string_view key = text_node(parts[2], kWhat).text;
  const Node& count = node(parts[4]);
  if (count.kind != Kind::kInt || count.number < 0) {
    fail(cat("storage ", escape(key), " has no number of elements"));
  }
  std::int64_t first = 0;  // where a view into the storage begins
  if (parts.size() == 6 && node(parts[5]).kind == Kind::kTuple) {
    const std::vector<Ref>& view = items(parts[5]);
    if (view.size() != 3 || node(view[1]).kind != Kind::kInt || node(view[1]).number < 0) {
      fail(cat("storage ", escape(key), " has a malformed view"));
    }
    first = node(view[1]).number;
  }
  const auto [it, is_new] = storages_.try_emplace(std::string(key), pickle_.storages.size());
  if (is_new) {
    pickle_.storages.push_back({std::string(key), global, count.number});
  } else {
    const Storage& known = pickle_.storages[it->second];
    if (known.count != count.number || known.type.dtype != global.dtype ||
        known.type.native != global.native) {
      fail(cat("storage ", escape(key), " is described twice, and not alike"));
    }
  }
  return add(
      {.kind = Kind::kStorage, .number = static_cast<std::int64_t>(it->second), .first = first});
}

}  // namespace ckpt::torch
