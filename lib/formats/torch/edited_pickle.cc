#include "formats/torch/edited_pickle.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"
#include "formats/torch/new_keys.h"
#include "formats/torch/pickle.h"
#include "formats/torch/pickler.h"
#include "formats/torch/tensors.h"

namespace ckpt::torch {
namespace {

using Pair = PickleTrace::Pair;
constexpr char kPop = '0';
constexpr std::size_t kFrameBytes = 9;

// Bytes [begin, end) of the pickle are exchanged.
struct Splice {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;
};

class Editor {
 public:
  Editor(std::string_view bytes, const Wishes& wishes, const Edit& edit)
      : bytes_(bytes), wishes_(wishes), edit_(edit) {}

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
    std::vector<Trail> trails;
    static_cast<void>(find_tensors(pickle_, &trails));
    if (!edit_.puts.empty()) {
      for (const Trail& trail : trails) trail_of_.emplace(trail.name, &trail);
    }
    keys_ = find_new_keys(trails, targets_of(trails));
    pair_of_.reserve(trace_.pairs.size());
    for (const Pair& pair : trace_.pairs) pair_of_.push_back(&pair);
    std::ranges::stable_sort(pair_of_, {}, place_of);
    if (!keys_.dropped.empty()) {
      for (const auto& use : trace_.uses) uses_[use.index].push_back(use.at);
    }

    for (const auto& [place, key] : keys_.renamed) rename(pair_at(place), key);
    for (const auto& [place, name] : keys_.dropped) drop(pair_at(place));
    EditedPickle result;
    for (std::size_t p = 0; p < edit_.puts.size(); ++p) {
      result.storages.push_back(new_storage_key());
      insert(edit_.puts[p].spec, edit_.puts[p].replaces, result.storages.back());
    }
    result.bytes = spliced();
    return result;
  }

 private:
  static KeyPlace place_of(const Pair* pair) { return {pair->dict, pair->position}; }

  // The new name of each tensor, as find_new_keys() takes it.
  std::vector<std::string_view> targets_of(const std::vector<Trail>& trails) const {
    const auto name_of = [&](std::uint32_t i) { return wishes_.names[i].from; };
    NameIndex wishes(wishes_.names.size());
    for (std::uint32_t i = 0; i < wishes_.names.size(); ++i) wishes.add(i, name_of);
    std::vector<std::string_view> targets;
    targets.reserve(trails.size());
    for (const Trail& trail : trails) {
      const std::uint32_t i = wishes.find(trail.name, name_of);
      targets.push_back(i == NameIndex::kNone ? std::string_view(trail.name) : wishes_.names[i].to);
    }
    return targets;
  }

  void read() {
    trace_ = {};
    try {
      pickle_ = read_pickle(as_byte_view(std::string_view(bytes_)), &trace_);
    } catch (const PickleIsCut&) {
      throw Error(Errc::kCorrupt, "its pickle is cut off");
    }
  }

  // Frames say how much may be read at once, which would be wrong afterwards; they need not be.
  void unframe() {
    for (const std::size_t frame : trace_.frames)
      splices_.push_back({frame, frame + kFrameBytes, ""});
    bytes_ = spliced();
    splices_.clear();
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

  static std::string text_opcode(const std::string& text) {
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
  void rename(const Pair& pair, const std::string& key) {
    const Node& old = pickle_.nodes[pickle_.items_of(pickle_.nodes[pair.dict])[pair.position]];
    if (old.kind != Kind::kText) {
      throw Error(Errc::kUnsupported,
                  cat("the key of '", escape(key),
                      "' is no text in the pickle, but a number or "
                      "the like; `ckpt convert` writes a plain state dict, under any names"));
    }
    const bool fills = std::ranges::any_of(trace_.fills, [&](const auto& fill) {
      return fill.at >= pair.key && fill.at < pair.value;
    });
    std::string kept(bytes_.substr(pair.key, pair.value - pair.key));
    splices_.push_back({pair.key, pair.value, (fills ? kept + kPop : "") + text_opcode(key)});
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
        const auto uses = uses_.find(it->index);
        if (uses == uses_.end() || is_kept(it->at)) continue;
        if (std::ranges::none_of(uses->second, is_kept)) continue;
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
      text += bytes_.substr(range.begin, range.end - range.begin);
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
      splices_.push_back({pair.key, end, salvage(pair.key, pair.end)});
      return;
    }
    // Every opcode stays, and the pair is popped instead of set.
    splices_.push_back({pair.end, end, std::string(2, kPop)});
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
      const Trail::Step& step = it->second->steps.back();
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
    splices_.push_back({at, at, std::move(text)});
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

  std::string spliced() {
    std::ranges::stable_sort(splices_, [](const Splice& a, const Splice& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    std::string text;
    std::size_t at = 0;
    std::size_t size = bytes_.size();
    for (const Splice& splice : splices_) size += splice.text.size();
    text.reserve(size);
    for (const Splice& splice : splices_) {
      text += bytes_.substr(at, splice.begin - at);
      text += splice.text;
      at = splice.end;
    }
    text += bytes_.substr(at);
    return text;
  }

  std::string bytes_;
  const Wishes& wishes_;
  const Edit& edit_;
  Pickle pickle_;
  PickleTrace trace_;
  NewKeys keys_;
  std::map<std::string_view, const Trail*> trail_of_;
  std::vector<const Pair*> pair_of_;                        // by place
  std::map<std::uint64_t, std::vector<std::size_t>> uses_;  // of each memo entry
  std::vector<Splice> splices_;
  std::size_t next_storage_ = 0;
};

}  // namespace

EditedPickle edit_pickle(std::string_view bytes, const Wishes& wishes, const Edit& edit) {
  return Editor(bytes, wishes, edit).run();
}

}  // namespace ckpt::torch
