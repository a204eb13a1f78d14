#include "formats/safetensors/shard_names.h"

#include "core/error.h"
#include "core/text.h"

namespace ckpt::safetensors {
namespace {

std::string five_digits(std::size_t number) {
  const std::string digits = cat(number);
  return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}

}  // namespace

std::string stem_of_index(const std::string& path) {
  if (!path.ends_with(kIndexSuffix)) {
    throw Error(Errc::kInvalid, cat("the index of a set of files is called NAME", kFileSuffix,
                                    kIndexSuffix, "; give OUT such a name"));
  }
  std::string stem = path.substr(0, path.size() - kIndexSuffix.size());
  if (stem.ends_with(kFileSuffix)) stem.resize(stem.size() - kFileSuffix.size());
  return stem;
}

std::string shard_name(std::string_view stem, std::size_t shard, std::size_t count) {
  return cat(stem.substr(stem.rfind('/') + 1), "-", five_digits(shard + 1), "-of-",
             five_digits(count), kFileSuffix);
}

bool is_shard_name(std::string_view name, std::string_view stem) {
  constexpr std::string_view kOf = "-of-";
  stem = stem.substr(stem.rfind('/') + 1);
  if (!name.starts_with(stem) || !name.ends_with(kFileSuffix)) return false;
  name.remove_suffix(kFileSuffix.size());
  if (name.size() <= stem.size() || name[stem.size()] != '-') return false;
  name.remove_prefix(stem.size() + 1);
  const auto middle = name.find(kOf);
  const auto is_number = [](std::string_view text) {
    return text.size() >= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return middle != std::string_view::npos && is_number(name.substr(0, middle)) &&
         is_number(name.substr(middle + kOf.size()));
}

bool is_shard_of(std::string_view name, const std::string& index_path) {
  return index_path.ends_with(kIndexSuffix) && is_shard_name(name, stem_of_index(index_path));
}

}  // namespace ckpt::safetensors
