#include "formats/edit/wishes.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "core/escape.h"
#include "core/name_set.h"
#include "core/tensor.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::size_t kShown = 5;

// "'a', 'b', 'c', 'd', 'e' and 7 more"
std::string listed(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) {
    shown.push_back(cat("'", escape(names[i]), "'"));
  }
  const std::string text = join(shown, ", ");
  return names.size() > kShown ? cat(text, " and ", names.size() - kShown, " more") : text;
}

// What must be the same of a variable before and after an edit.
struct Stored {
  DType dtype = DType::kF32;
  Shape shape;
  RareText native_dtype;

  friend bool operator==(const Stored&, const Stored&) = default;
};

}  // namespace

void refuse_any(Errc code, const std::vector<std::string>& names, std::string_view what) {
  if (!names.empty()) throw Error(code, cat(listed(names), ": ", what));
}

Wishes resolve(std::span<const Entry> entries, const Edit& edit) {
  std::vector<Wishes::Name> names;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    names.push_back({i, false, entries[i].name, entries[i].name});
    for (const auto& alias : entries[i].aliases) names.push_back({i, true, alias, alias});
  }
  return resolve(std::move(names), edit);
}

Wishes resolve(std::vector<Wishes::Name> names, const Edit& edit) {
  Wishes wishes{std::move(names)};
  std::unordered_map<std::string_view, std::size_t> by_name;
  std::size_t next = 0;
  // Most edits ask in the order of the file, so that the map is not needed.
  const auto find = [&](std::string_view name) -> std::optional<std::size_t> {
    while (next < wishes.names.size() && by_name.empty()) {
      if (wishes.names[next].from == name) return next++;
      ++next;
    }
    if (by_name.empty()) {
      for (std::size_t i = 0; i < wishes.names.size(); ++i)
        by_name.emplace(wishes.names[i].from, i);
    }
    const auto it = by_name.find(name);
    return it == by_name.end() ? std::nullopt : std::optional(it->second);
  };

  std::vector<std::string> missing;
  std::vector<std::string> twice;
  std::vector<bool> is_asked(wishes.names.size(), false);
  const auto ask = [&](std::string_view from, std::string_view to) {
    const auto i = find(from);
    if (!i) {
      missing.emplace_back(from);
    } else if (is_asked[*i]) {
      twice.emplace_back(from);
    } else {
      is_asked[*i] = true;
      wishes.names[*i].to = to;
    }
  };
  std::vector<std::string> empty;
  for (const auto& move : edit.moves) {
    if (move.to.empty()) empty.emplace_back(move.from);
    ask(move.from, move.to);
  }
  for (const auto& drop : edit.drops) ask(drop, "");
  refuse_any(Errc::kInvalid, missing, "no such variable in the file");
  refuse_any(Errc::kInvalid, twice, "is to become two things at once");
  refuse_any(Errc::kInvalid, empty, "is to have an empty name");

  std::vector<std::string> clashes;
  NameSet targets(wishes.names.size());
  const auto claim = [&](std::string_view name) {
    if (!name.empty() && !targets.insert(name)) clashes.emplace_back(name);
  };
  for (const auto& name : wishes.names) claim(name.to);
  for (const auto& put : edit.puts) claim(put.spec.name);
  refuse_any(Errc::kConflict, clashes, "two variables would have this name");
  return wishes;
}

EditOperations operations_of(const Wishes& wishes, const Edit& edit) {
  using Kind = EditOperation::Kind;
  EditOperations operations;
  for (const auto& name : wishes.names) {
    if (name.from == name.to) continue;
    operations.add(name.to.empty() ? Kind::kDrop : Kind::kMove, name.from, name.to);
  }
  for (const Put& put : edit.puts) operations.add(Kind::kCreate, put.spec.name);
  return operations;
}

void stream_put(const Put& put, const Reader& original, const std::function<void(ByteView)>& take) {
  const std::uint64_t size = tensor_bytes(put.spec.dtype, put.spec.shape);
  std::uint64_t left = size;
  const auto complain = [&](std::string_view what) {
    throw Error(Errc::kInvalid, cat(escape(put.spec.name), ": ", what, " than the ", size,
                                    " bytes of its shape were given"));
  };
  put.produce(original, [&](ByteView bytes) {
    if (bytes.size() > left) complain("more");
    left -= bytes.size();
    take(bytes);
  });
  if (left > 0) complain("fewer");
}

void check_outcome(const Index& before, const Wishes& wishes, const Edit& edit,
                   const Index& after) {
  std::unordered_map<std::string_view, Stored> wanted;
  for (const auto& name : wishes.names) {
    const Entry& entry = before.entries[name.entry];
    if (!name.to.empty()) wanted[name.to] = {entry.dtype, entry.shape, entry.native_dtype};
  }
  for (const Put& put : edit.puts) wanted[put.spec.name] = {put.spec.dtype, put.spec.shape, ""};
  const auto check = [&](const std::string& name, const Entry& entry) {
    const auto it = wanted.find(name);
    if (it == wanted.end() || it->second != Stored{entry.dtype, entry.shape, entry.native_dtype}) {
      throw Error(Errc::kWrite, cat("what was written reads back as something else (", escape(name),
                                    "); it was taken back"));
    }
    wanted.erase(it);
  };
  for (const Entry& entry : after.entries) {
    check(entry.name, entry);
    for (const std::string& alias : entry.aliases) check(alias, entry);
  }
  if (!wanted.empty()) {
    throw Error(Errc::kWrite, cat("what was written reads back without ",
                                  escape(wanted.begin()->first), "; it was taken back"));
  }
}

}  // namespace ckpt
