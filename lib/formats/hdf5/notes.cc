#include "formats/hdf5/notes.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace ckpt::hdf5 {

void Notes::add(std::string_view kind, std::string sentence) {
  auto it = std::ranges::find(kinds_, kind, &Kind::plural);
  if (it == kinds_.end()) it = kinds_.insert(kinds_.end(), {std::string(kind), {}, 0});
  if (++it->count <= kKept) it->kept.push_back(std::move(sentence));
}

std::vector<std::string> Notes::sentences() const {
  std::vector<std::string> all;
  for (const Kind& kind : kinds_) {
    all.insert(all.end(), kind.kept.begin(), kind.kept.end());
    if (kind.count > kKept) {
      all.push_back(cat("… and ", with_commas(kind.count - kKept), " more ", kind.plural));
    }
  }
  return all;
}

}  // namespace ckpt::hdf5
