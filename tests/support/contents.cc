#include "support/contents.h"

#include <algorithm>

#include "formats/formats.h"

using namespace ckpt;

Contents contents_of(const std::string& path) {
  Contents contents;
  const auto reader = open_checkpoint(path);
  const Index& index = reader->index();
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    contents.tensors.emplace(index.entries[i].name, reader->read(i).bytes);
  }
  contents.was_interrupted = std::ranges::find(index.notes, kReadAsRecovered) != index.notes.end();
  return contents;
}
