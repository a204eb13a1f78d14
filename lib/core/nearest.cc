#include "core/nearest.h"

#include <algorithm>
#include <tuple>

#include "core/escape.h"

namespace ckpt {

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() < b.size()) std::swap(a, b);
  if (a.size() - b.size() > limit) return limit + 1;
  // One row of the dynamic programme: row[j] is the distance of a[0..i) and b[0..j).
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    std::size_t best = row[0];
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
      best = std::min(best, row[j]);
    }
    if (best > limit) return limit + 1;
  }
  return std::min(row[b.size()], limit + 1);
}

std::vector<std::string> nearest(std::string_view typed, std::span<const std::string> names,
                                 std::size_t most) {
  const std::size_t limit = std::max<std::size_t>(1, typed.size() / 3);
  // (rank, distance, name): rank 0 is a small distance, 1 a name that contains what was typed.
  std::vector<std::tuple<int, std::size_t, std::string_view>> found;
  for (const std::string& name : names) {
    const std::size_t distance = edit_distance(typed, name, limit);
    if (distance <= limit) {
      found.emplace_back(0, distance, name);
    } else if (!typed.empty() && name.find(typed) != std::string::npos) {
      found.emplace_back(name.ends_with(typed) ? 1 : 2, name.size(), name);
    }
  }
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(most, found.size()));
  std::partial_sort(found.begin(), end, found.end());
  std::vector<std::string> out;
  for (auto it = found.begin(); it != end; ++it) out.emplace_back(std::get<2>(*it));
  return out;
}

std::string did_you_mean(std::span<const std::string> names) {
  if (names.empty()) return "";
  std::string out = "; did you mean ";
  for (const std::string& name : names) {
    if (&name != names.data()) out += &name == &names.back() ? " or " : ", ";
    out += "'" + escape(name) + "'";
  }
  return out + "?";
}

}  // namespace ckpt
