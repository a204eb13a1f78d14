#include "dups/equal_tensors.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "dups/digest.h"
#include "dups/sample.h"

namespace ckpt {
namespace {

constexpr std::uint64_t kProbe = 4096;
constexpr std::uint64_t kPiece = std::uint64_t{1} << 17;  // two of them stay in a core's cache
// Two that take turns decode whole chunks for each piece, so that these are larger than chunks.
constexpr std::uint64_t kTurnPiece = std::uint64_t{1} << 23;
// Looking a stored digest up costs as much as reading this.
constexpr std::uint64_t kWorthALookUp = std::uint64_t{1} << 18;

class Search {
 public:
  Search(std::span<const SharedReader* const> readers, const EqualRequest& request)
      : readers_(readers), request_(request) {}

  EqualTensors run(std::span<const TensorRef> tensors) {
    const std::vector<Group> alike = group_by_shape(tensors);
    for (const Group& group : alike) result_.compared += group.size();
    const std::vector<Group> probed = regroup(alike, [&](TensorRef t) { return probe(t); });
    for (const Group& group : probed) total_ += cost(group);  // an estimate: some will differ early
    std::vector<Group> pairs;
    std::vector<Group> crowds;
    for (const Group& group : probed) (is_quick_pair(group) ? pairs : crowds).push_back(group);
    for (Group& group : regroup(crowds, [&](TensorRef t) { return digest(t); })) {
      // A digest proposes; each member is compared with the first.
      for (std::size_t i = 1; i < group.size(); ++i) pairs.push_back({group[0], group[i]});
    }
    decide(pairs);
    tell_unread();
    std::ranges::sort(result_.notes);
    return std::move(result_);
  }

 private:
  using Group = std::vector<TensorRef>;  // two or more, of one dtype and shape

  [[nodiscard]] const Entry& entry(TensorRef t) const {
    return readers_[t.input]->index().entries[t.entry];
  }

  [[nodiscard]] bool is_worth_it(const Group& group) const {
    if (group.size() < 2) return false;
    return !request_.across ||
           std::ranges::any_of(group, [&](TensorRef t) { return t.input != group.front().input; });
  }

  std::vector<Group> group_by_shape(std::span<const TensorRef> tensors) {
    std::map<std::pair<DType, Shape>, Group> groups;
    for (const TensorRef t : tensors) {
      if (entry(t).nbytes >= std::max<std::uint64_t>(request_.min_bytes, 1)) {
        groups[{entry(t).dtype, entry(t).shape}].push_back(t);
      }
    }
    std::vector<Group> out;
    for (auto& [kind, group] : groups) {
      if (is_worth_it(group)) out.push_back(std::move(group));
    }
    return out;
  }

  // Splits each group by what `key` says of its members, in parallel. Members without a key drop
  // out.
  template <typename F>
  std::vector<Group> regroup(const std::vector<Group>& groups, const F& key) {
    std::vector<TensorRef> all;
    for (const Group& group : groups) all.insert(all.end(), group.begin(), group.end());
    std::vector<std::optional<Digest>> keys(all.size());
    for_each_parallel(all.size(), [&](std::size_t i) {
      try {
        keys[i] = key(all[i]);
      } catch (const Error& e) {
        if (e.code() != Errc::kUnsupported) throw;
        add_unread(e.what());
      }
    });
    std::vector<Group> out;
    std::size_t at = 0;
    for (const Group& group : groups) {
      std::vector<std::pair<Digest, TensorRef>> keyed;
      for (const TensorRef t : group) {
        if (const auto& k = keys[at++]) keyed.emplace_back(*k, t);
      }
      std::ranges::sort(keyed);
      for (std::size_t i = 0, end = 0; i < keyed.size(); i = end) {
        Group part;
        for (end = i; end < keyed.size() && keyed[end].first == keyed[i].first; ++end) {
          part.push_back(keyed[end].second);
        }
        if (is_worth_it(part)) out.push_back(std::move(part));
      }
    }
    return out;
  }

  // What is cheap to know of a tensor's bytes; nothing where they are constant.
  std::optional<Digest> probe(TensorRef t) {
    const SharedReader& reader = *readers_[t.input];
    reader.check_whole(t.entry);
    const std::uint64_t nbytes = entry(t).nbytes;
    if (nbytes >= kWorthALookUp && reader.index().layout == "native") {
      if (const auto stored = stored_digest(reader.details(t.entry))) {
        if (request_.deep) check_stored(t, *stored);
        return *stored;
      }
    }
    const std::size_t size = size_of(entry(t).dtype);
    Bytes bytes(static_cast<std::size_t>(std::min(kProbe, nbytes)));
    reader.read(t.entry, (nbytes - bytes.size()) / 2 / size, bytes);
    const bool may_be_constant =
        std::memcmp(bytes.data(), bytes.data() + size, bytes.size() - size) == 0;
    if (may_be_constant && is_constant(reader, t.entry)) return std::nullopt;
    return digest_of_bytes(bytes);
  }

  void check_stored(TensorRef t, const Digest& stored) {
    const Digest actual = whole_digest(t);
    if (actual == stored) return;
    add_note(cat(escape(entry(t).name), ": its attribute ", kDigestAttribute, " says ",
                 to_string(stored), ", its bytes have ", to_string(actual)));
  }

  std::optional<Digest> digest(TensorRef t) { return whole_digest(t); }

  Digest whole_digest(TensorRef t) {
    DigestStream stream;
    readers_[t.input]->stream(t.entry, kPiece, [&](std::uint64_t, ByteView piece) {
      stream.add(piece);
      advance(piece.size());
      return true;
    });
    return stream.finish();
  }

  // Two tensors are compared right away; a digest of each would only read them once more. Those
  // that have to take turns would decode each other's chunks again and again.
  [[nodiscard]] bool is_quick_pair(const Group& group) const {
    return group.size() == 2 && std::ranges::all_of(group, [&](TensorRef t) {
             return readers_[t.input]->reader().is_concurrent(t.entry);
           });
  }

  // The bytes that it takes to decide a group: a quick pair is compared, a crowd is digested and
  // then each compared with the first.
  [[nodiscard]] std::uint64_t cost(const Group& group) const {
    const std::uint64_t comparisons = 2 * (group.size() - 1);
    return entry(group.front()).nbytes * (comparisons + (is_quick_pair(group) ? 0 : group.size()));
  }

  void decide(const std::vector<Group>& pairs) {
    std::vector<char> is_equal(pairs.size(), 0);
    for_each_parallel(pairs.size(), [&](std::size_t i) {
      is_equal[i] = are_equal(pairs[i][0], pairs[i][1]) ? 1 : 0;
    });
    // The pairs of one crowd stand together and have the same first member.
    auto& classes = result_.classes;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (is_equal[i] == 0) continue;
      if (classes.empty() || classes.back().front() != pairs[i][0])
        classes.push_back({pairs[i][0]});
      classes.back().push_back(pairs[i][1]);
    }
    std::erase_if(classes, [&](const Group& group) {
      const SharedReader& reader = *readers_[group.front().input];
      return is_constant(reader, group.front().entry) || is_ramp(reader, group.front().entry);
    });
    for (Group& group : classes) std::ranges::sort(group);
    std::ranges::sort(result_.classes);
  }

  bool are_equal(TensorRef a, TensorRef b) {
    const std::size_t size = size_of(entry(a).dtype);
    const std::uint64_t nbytes = entry(a).nbytes;
    const std::uint64_t piece = is_quick_pair({a, b}) ? kPiece : kTurnPiece;
    Bytes one;
    Bytes two;
    for (std::uint64_t offset = 0; offset < nbytes; offset += one.size()) {
      one.resize(static_cast<std::size_t>(std::min(piece / size * size, nbytes - offset)));
      two.resize(one.size());
      readers_[a.input]->read(a.entry, offset / size, one);
      readers_[b.input]->read(b.entry, offset / size, two);
      advance(2 * one.size());
      // Vectors of std::byte compare byte by byte, which is ten times slower.
      if (std::memcmp(one.data(), two.data(), one.size()) != 0) return false;
    }
    return true;
  }

  void advance(std::uint64_t bytes) {
    if (!request_.progress) return;
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    request_.progress(std::min(done_, total_), total_);
  }

  void add_unread(std::string why) {
    const std::lock_guard lock(mutex_);
    unread_.push_back(std::move(why));
  }

  // A bundle without its data has a hundred thousand of them.
  void tell_unread() {
    constexpr std::size_t kMost = 5;
    result_.unread = unread_.size();
    std::ranges::sort(unread_);
    const std::size_t more = unread_.size() - std::min(unread_.size(), kMost);
    unread_.resize(unread_.size() - more);
    if (more > 0) unread_.back() += cat("; so it is with ", count_of(more, "more variable"));
    std::ranges::move(unread_, std::back_inserter(result_.notes));
  }

  void add_note(std::string note) {
    const std::lock_guard lock(mutex_);
    result_.notes.push_back(std::move(note));
  }

  std::span<const SharedReader* const> readers_;
  const EqualRequest& request_;
  EqualTensors result_;
  std::vector<std::string> unread_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

EqualTensors find_equal(std::span<const SharedReader* const> readers,
                        std::span<const TensorRef> tensors, const EqualRequest& request) {
  return Search(readers, request).run(tensors);
}

}  // namespace ckpt
