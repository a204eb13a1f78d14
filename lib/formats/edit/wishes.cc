#include "formats/edit/wishes.h"

#include <algorithm>
#include <optional>

#include "core/escape.h"
#include "core/name_index.h"
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

}  // namespace

void refuse_any(Errc code, const std::vector<std::string>& names, std::string_view what) {
  if (!names.empty()) throw Error(code, cat(listed(names), ": ", what));
}

namespace {

// Sets what `edit` asks of the names, and says which it asks for.
std::vector<bool> apply(Wishes& wishes, const Edit& edit) {
  const auto count = static_cast<std::uint32_t>(wishes.names.size());
  const auto name_of = [&](std::uint32_t i) { return wishes.names[i].from; };
  std::optional<NameIndex> by_name;
  std::uint32_t next = 0;
  // Most edits ask in the order of the file, so that no index is needed.
  const auto find = [&](std::string_view name) {
    while (next < count && !by_name) {
      if (name_of(next) == name) return next++;
      ++next;
    }
    if (!by_name) {
      by_name.emplace(count);
      for (std::uint32_t i = 0; i < count; ++i) by_name->add(i, name_of);
    }
    return by_name->find(name, name_of);
  };

  std::vector<std::string> missing;
  std::vector<std::string> twice;
  std::vector<bool> is_asked(count, false);
  const auto ask = [&](std::string_view from, std::string_view to) {
    const std::uint32_t i = find(from);
    if (i == NameIndex::kNone) {
      missing.emplace_back(from);
    } else if (is_asked[i]) {
      twice.emplace_back(from);
    } else {
      is_asked[i] = true;
      wishes.names[i].from = from;
      wishes.names[i].to = to;
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
  return is_asked;
}

}  // namespace

Wishes resolve(std::span<const Entry> entries, const Edit& edit) {
  std::vector<Wishes::Name> names;
  names.reserve(entries.size());
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    names.push_back({i, false, entries[i].name, entries[i].name});
    for (const auto& alias : entries[i].aliases) names.push_back({i, true, alias, alias});
  }
  Wishes wishes{std::move(names), {}};
  const std::vector<bool> is_asked = apply(wishes, edit);
  for (std::size_t i = 0; i < is_asked.size(); ++i) {
    auto& name = wishes.names[i];
    if (!is_asked[i]) name.from = name.to = wishes.strings.add(name.from);
  }
  return wishes;
}

Wishes resolve(std::vector<Wishes::Name> names, const Edit& edit) {
  Wishes wishes{std::move(names), {}};
  apply(wishes, edit);
  return wishes;
}

bool has_changes(const Wishes& wishes, const Edit& edit) {
  return !edit.puts.empty() ||
         std::ranges::any_of(wishes.names, [](const auto& name) { return name.from != name.to; });
}

EditOperations operations_of(const Wishes& wishes, const Edit& edit, const EditOptions& options) {
  using Kind = EditOperation::Kind;
  EditOperations operations;
  if (!options.report_operations && !options.plan_only) return operations;
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

}  // namespace ckpt
