#include "formats/torch/edited_pickle.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"
#include "formats/torch/new_keys.h"
#include "formats/torch/opcode.h"
#include "formats/torch/pickle.h"
#include "formats/torch/pickler.h"
#include "formats/torch/tensors.h"

namespace ckpt::torch {
namespace {

using Pair = PickleTrace::Pair;
constexpr char kPop = '0';
constexpr std::size_t kFrameBytes = 9;

class Editor {
 public:
  Editor(Bytes old, const Wishes& wishes, const Edit& edit) : wishes_(wishes), edit_(edit) {
    result_.old = std::move(old);
  }

  EditedPickle run() {
    read();
    if (!trace_.frames.empty()) {
      unframe();
      read();
    }
    if (trace_.has_copies) {
      throw Error(Errc::kUnsupported,
                  "its pickle has values that the stack copies, as PyTorch does not write them");
    }
    names_ = find_tensors(pickle_, &trails_).names;
    release(pickle_.views);  // with the extents half of what the pickle takes
    release(pickle_.extents);
    if (!edit_.puts.empty()) {
      for (const auto& trail : trails_.list) trail_of_.emplace(trail.name, &trail);
    }
    keys_ = find_new_keys(trails_, targets());
    pair_of_.reserve(trace_.pairs.size());
    for (const Pair& pair : trace_.pairs) pair_of_.push_back(&pair);
    std::ranges::stable_sort(pair_of_, {}, place_of);
    std::ranges::sort(trace_.uses, {}, &PickleTrace::Use::index);

    result_.splices.reserve(keys_.keys.size() + edit_.puts.size());
    for (const NewKeys::Key& key : keys_.keys) {
      if (key.text.empty()) {
        drop(pair_at(key.place));
      } else {
        rename(pair_at(key.place), key.text);
      }
    }
    for (const Put& put : edit_.puts) {
      result_.storages.push_back(new_storage_key());
      insert(put.spec, put.replaces, result_.storages.back());
    }
    sort_splices();
    return std::move(result_);
  }

 private:
  static KeyPlace place_of(const Pair* pair) { return {pair->dict, pair->position}; }

  // The new name of each tensor, as find_new_keys() takes it.
  std::vector<std::string_view> targets() const {
    const auto name_of = [&](std::uint32_t i) { return wishes_.names[i].from; };
    NameIndex wishes(wishes_.names.size());
    for (std::uint32_t i = 0; i < wishes_.names.size(); ++i) wishes.add(i, name_of);
    std::vector<std::string_view> targets;
    targets.reserve(trails_.list.size());
    for (const auto& trail : trails_.list) {
      const std::uint32_t i = wishes.find(trail.name, name_of);
      targets.push_back(i == NameIndex::kNone ? trail.name : wishes_.names[i].to);
    }
    return targets;
  }

  void read() {
    trace_ = {};
    trace_.wants_memo =
        std::ranges::any_of(wishes_.names, [](const auto& name) { return name.to.empty(); });
    try {
      pickle_ = read_pickle(result_.old, &trace_);
    } catch (const PickleIsCut&) {
      throw Error(Errc::kCorrupt, "its pickle is cut off");
    }
  }

  // Frames say how much may be read at once, which would be wrong afterwards; they need not be.
  void unframe() {
    for (const std::size_t frame : trace_.frames) splice(frame, frame + kFrameBytes, "");
    result_.old = result_.bytes();
    result_.splices.clear();
  }

  const Pair& pair_at(const KeyPlace& place) const {
    const auto it = std::ranges::lower_bound(pair_of_, place, {}, place_of);
    if (it == pair_of_.end() || place_of(*it) != place) {
      throw Error(Errc::kUnsupported,
                  "its pickle makes a dict of a list of pairs, as the oldest PyTorch did; `ckpt "
                  "convert` writes it as a new one");
    }
    return **it;
  }

  void splice(std::size_t begin, std::size_t end, std::string_view text) {
    result_.splices.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end),
                               result_.texts.add(text)});
  }

  void sort_splices() {
    std::ranges::stable_sort(result_.splices, {}, [](const EditedPickle::Splice& splice) {
      return std::pair(splice.begin, splice.end);
    });
  }

  std::string_view old_text(std::size_t begin, std::size_t end) const {
    return as_text(result_.old).substr(begin, end - begin);
  }

  static std::string text_opcode(std::string_view text) {
    if (!is_utf8(text)) {
      throw Error(Errc::kInvalid,
                  cat("'", escape(text), "' is no UTF-8, which names in a PyTorch file must be"));
    }
    Pickler pickler(Pickler::Memo::kNone);
    pickler.text(text);
    return pickler.take();
  }

  // The key's own opcode stays where others take its text from the memo, and the new text goes over
  // it on the stack.
  void rename(const Pair& pair, std::string_view key) {
    const Node& old = pickle_.nodes[pickle_.items_of(pickle_.nodes[pair.dict])[pair.position]];
    if (old.kind != Kind::kText) {
      throw Error(Errc::kUnsupported,
                  cat("the key of '", escape(key),
                      "' is no text in the pickle, but a number or "
                      "the like; `ckpt convert` writes a plain state dict, under any names"));
    }
    if (fills_memo(old_text(pair.key, pair.value))) {
      splice(pair.value, pair.value, kPop + text_opcode(key));
    } else {
      splice(pair.key, pair.value, text_opcode(key));
    }
  }

  static bool fills_memo(std::string_view opcodes) {
    OpcodeReader reader(opcodes);
    while (reader.left() > 0) {
      const unsigned char code = reader.next().code;
      if (code == 'p' || code == 'q' || code == 'r' || code == 0x94) return true;
    }
    return false;
  }

  // What a stretch of bytes that is left out has put into the memo for those behind it: the
  // expressions, each to be made and popped again.
  std::string salvage(std::size_t begin, std::size_t end) const {
    struct Range {
      std::size_t begin;
      std::size_t end;
    };
    std::vector<Range> ranges;
    const auto is_kept = [&](std::size_t at) {
      return at < begin || at >= end || std::ranges::any_of(ranges, [&](const Range& range) {
               return at >= range.begin && at < range.end;
             });
    };
    for (bool grew = true; grew;) {
      grew = false;
      for (auto it = first_fill(begin); it != trace_.fills.end() && it->at < end; ++it) {
        if (is_kept(it->at)) continue;
        const auto first =
            std::ranges::lower_bound(trace_.uses, it->index, {}, &PickleTrace::Use::index);
        const auto last = std::ranges::upper_bound(first, trace_.uses.end(), it->index, {},
                                                   &PickleTrace::Use::index);
        if (std::ranges::none_of(first, last, is_kept, &PickleTrace::Use::at)) continue;
        ranges.push_back({it->expression, it->end});
        grew = true;
      }
    }
    // Expressions lie inside one another or apart; the outer ones make the inner ones as well.
    std::ranges::sort(ranges, [](const Range& a, const Range& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    std::string text;
    std::size_t done = begin;
    for (const Range& range : ranges) {
      if (range.end <= done) continue;
      text += old_text(range.begin, range.end);
      text += kPop;
      done = range.end;
    }
    return text;
  }

  std::vector<PickleTrace::Fill>::const_iterator first_fill(std::size_t at) const {
    return std::ranges::lower_bound(trace_.fills, at, {}, &PickleTrace::Fill::at);
  }

  void drop(const Pair& pair) {
    const std::size_t end = pair.end + (pair.is_single ? 1 : 0);
    if (!trace_.counts_memo) {
      splice(pair.key, end, salvage(pair.key, pair.end));
      return;
    }
    // Every opcode stays, and the pair is popped instead of set.
    splice(pair.end, end, std::string(2, kPop));
  }

  std::string new_storage_key() {
    if (next_storage_ == 0) {
      for (const Storage& storage : pickle_.storages) {
        std::size_t number = 0;
        std::from_chars(storage.key.data(), storage.key.data() + storage.key.size(), number);
        next_storage_ = std::max(next_storage_, number + 1);
      }
    }
    return cat(next_storage_++);
  }

  // Behind the pair that the tensor replaces, where its dict can hold the name; else behind the
  // last pair of the dict with the longest prefix of the name.
  void insert(const VariableSpec& spec, const std::string& replaces, const std::string& storage) {
    const Pair* behind = nullptr;
    if (const auto it = trail_of_.find(replaces); it != trail_of_.end()) {
      const Trails::Step& step = trails_.steps_of(*it->second).back();
      if (step.is_key && spec.name.starts_with(keys_.prefixes.at(step.sequence))) {
        behind = &pair_at({step.sequence, step.position});
      }
    }
    if (behind == nullptr) behind = last_pair_for(spec.name);
    const std::string& prefix = keys_.prefixes.at(behind->dict);
    Pickler pickler(Pickler::Memo::kNone);
    add_tensor(pickler, storage, spec);
    std::string text = text_opcode(spec.name.substr(prefix.size())) + pickler.take();
    if (behind->is_single) text += 's';
    const std::size_t at = behind->end + (behind->is_single ? 1 : 0);
    splice(at, at, text);
  }

  const Pair* last_pair_for(const std::string& name) const {
    const Pair* best = nullptr;
    std::size_t longest = 0;
    for (const Pair& pair : trace_.pairs) {
      const auto prefix = keys_.prefixes.find(pair.dict);
      if (prefix == keys_.prefixes.end() || !name.starts_with(prefix->second)) continue;
      if (name.size() == prefix->second.size()) continue;
      if (best == nullptr || prefix->second.size() >= longest) {
        best = &pair;
        longest = prefix->second.size();
      }
    }
    if (best == nullptr) {
      throw Error(Errc::kUnsupported,
                  cat("'", escape(name),
                      "': there is no dict in the file that could hold it; `ckpt "
                      "convert` writes a plain state dict"));
    }
    return best;
  }

  const Wishes& wishes_;
  const Edit& edit_;
  Pickle pickle_;
  PickleTrace trace_;
  Trails trails_;
  StringPool names_;  // of the trails
  NewKeys keys_;
  std::map<std::string_view, const Trails::Trail*> trail_of_;
  std::vector<const Pair*> pair_of_;  // by place
  EditedPickle result_;
  std::size_t next_storage_ = 0;
};

}  // namespace

std::uint64_t EditedPickle::size() const {
  std::uint64_t size = old.size();
  for (const Splice& splice : splices) size += splice.text.size() - (splice.end - splice.begin);
  return size;
}

void EditedPickle::for_each_piece(const std::function<void(ByteView)>& take) const {
  std::size_t at = 0;
  for (const Splice& splice : splices) {
    take(ByteView(old).subspan(at, splice.begin - at));
    take(as_byte_view(splice.text));
    at = splice.end;
  }
  take(ByteView(old).subspan(at));
}

Bytes EditedPickle::bytes() const {
  Bytes bytes;
  bytes.reserve(static_cast<std::size_t>(size()));
  for_each_piece([&](ByteView piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  return bytes;
}

EditedPickle edit_pickle(Bytes old, const Wishes& wishes, const Edit& edit) {
  return Editor(std::move(old), wishes, edit).run();
}

}  // namespace ckpt::torch
