#include "formats/io/extent_reader.h"

#include "core/escape.h"
#include "core/text.h"
#include "formats/io/swap.h"

namespace ckpt {

Details ExtentReader::details(std::size_t i) const {
  const Extent& extent = content_.extents[i];
  const std::string& name = content_.file_names[extent.file];
  Details details;
  details.storage = cat("contiguous at ", extent.offset);
  if (!name.empty()) details.storage += cat(" of ", escape(name));
  if (!extent.words.empty()) details.storage += cat(", ", extent.words);
  details.stored_bytes = extent.stored_bytes;
  details.attributes = extent.attributes;
  details.attributes.insert(details.attributes.end(), content_.attributes.begin(),
                            content_.attributes.end());
  return details;
}

void ExtentReader::do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const {
  const Extent& extent = content_.extents[i];
  const std::uint64_t skipped = first * size_of(content_.index.entries[i].dtype);
  content_.files[extent.file]->read_at(extent.offset + skipped, out);
  swap_units(out, extent.swap_unit);
}

}  // namespace ckpt
