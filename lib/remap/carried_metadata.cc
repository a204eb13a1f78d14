#include "remap/carried_metadata.h"

#include <utility>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::size_t kMostNamed = 10;

bool is_config(std::string_view name) {
  return name == "model_config" || name == "training_config";
}

bool is_plain(std::string_view text) {
  return is_utf8(text) && text.find('\0') == std::string_view::npos;
}

void note(CarriedMetadata& result, std::vector<std::string> names, std::string_view why) {
  if (names.empty()) return;
  const std::size_t more = names.size() > kMostNamed ? names.size() - kMostNamed : 0;
  names.resize(names.size() - more);
  result.notes.push_back(cat("not carried over, what the file says of itself: ", join(names, ", "),
                             more == 0 ? "" : cat(" and ", with_commas(more), " more"), why));
}

}  // namespace

CarriedMetadata carry_metadata(const Metadata& metadata, std::vector<std::string> others,
                               bool holds, bool renamed) {
  CarriedMetadata result;
  std::vector<std::string> homeless;
  std::vector<std::string> stale;
  std::vector<std::string> odd;
  for (const auto& [name, text] : metadata) {
    if (name.starts_with("ckpt_")) continue;
    if (!holds) {
      homeless.push_back(escape(name));
    } else if (renamed && is_config(name)) {
      stale.push_back(escape(name));
    } else if (name.empty() || !is_plain(name) || !is_plain(text)) {
      odd.push_back(escape(name));
    } else {
      result.carried.emplace(name, text);
    }
  }
  for (std::string& name : others) name = escape(name);
  note(result, std::move(homeless), "");
  note(result, std::move(stale), " (it has names that the rules change)");
  note(result, std::move(odd), " (it is no plain text)");
  note(result, std::move(others), " (it is no text about the whole file)");
  return result;
}

}  // namespace ckpt
