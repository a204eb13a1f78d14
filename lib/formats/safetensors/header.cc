#include "formats/safetensors/header.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"
#include "formats/io/json.h"
#include "formats/io/likely_rows.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/header_events.h"
#include "storage/journal.h"

namespace ckpt::safetensors {
namespace {

void check_unique(std::vector<std::string_view> keys, std::string_view what) {
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice != keys.end()) {
    throw Error(Errc::kCorrupt, cat(what, " has the key '", escape(*twice), "' twice"));
  }
}

void check_names(const Header& header) {
  std::vector<std::string_view> names;
  names.reserve(header.tensors.size());
  for (const Tensor& tensor : header.tensors) names.push_back(tensor.name);
  check_unique(std::move(names), "the header");
  names.clear();
  for (const auto& [key, value] : header.metadata) names.push_back(key);
  check_unique(std::move(names), kMetadataKey);
}

// The ranges, in the order of their places, must follow one another from the first byte of the
// data. Gives the end of the last.
std::uint64_t check_cover(const std::vector<Tensor>& tensors) {
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {},
                    [&](std::uint32_t i) { return std::pair(tensors[i].begin, tensors[i].end); });
  std::uint64_t end = 0;
  for (const std::uint32_t i : order) {
    const Tensor& tensor = tensors[i];
    if (tensor.begin != end) {
      throw Error(Errc::kCorrupt,
                  cat(escape(tensor.name), ": its data begins at ", tensor.begin,
                      " where the data before it ends at ", end, "; the format allows no ",
                      tensor.begin < end ? "overlap" : "hole"));
    }
    end = tensor.end;
  }
  return end;
}

// The header, and where the last of its tensors ends.
std::pair<Header, std::uint64_t> parse(const RandomFile& file) {
  check_no_lfs_pointer(file);
  if (file.size() < 8) {
    throw Error(Errc::kCorrupt, cat("the file has ", file.size(),
                                    " bytes, 8 are needed for the length of its header"));
  }
  Bytes prefix(8);
  file.read_at(0, prefix);
  const auto length = decode_number<std::uint64_t>(prefix);
  if (length > kMostHeaderBytes) {
    throw Error(Errc::kCorrupt, cat("the header is said to be ", length,
                                    " bytes long, the format allows ", kMostHeaderBytes));
  }
  if (length > file.size() - 8) {
    throw Error(Errc::kCorrupt, cat("the header is said to be ", length,
                                    " bytes long, the file has ", file.size() - 8, " behind it"));
  }
  std::string text(static_cast<std::size_t>(length), '\0');
  file.read_at(8, std::as_writable_bytes(std::span(text)));
  if (!text.starts_with('{')) {
    throw Error(Errc::kCorrupt, text.empty() ? std::string("the header is empty, {} is the least")
                                             : cat("the header begins with '",
                                                   escape(text.substr(0, 1)), "', '{' is needed"));
  }
  Header header;
  header.data_start = 8 + length;
  header.tensors.reserve(likely_rows(text.size(), 64));
  HeaderEvents events(header);
  parse_json_events(text, "the header", events);
  check_names(header);
  const std::uint64_t end = header.data_start + check_cover(header.tensors);
  return {std::move(header), end};
}

}  // namespace

Header read_header(const RandomFile& file) {
  auto [header, end] = parse(file);
  header.has_torn_edit = size_before_torn_edit(file, end) == end;
  if (end == file.size() || header.has_torn_edit) return std::move(header);
  throw Error(Errc::kCorrupt,
              cat("the tensors take ", end - header.data_start, " bytes, the file has ",
                  file.size() - header.data_start, " behind its header"));
}

Header read_settled_header(const RandomFile& file) {
  Header header = read_header(file);
  if (header.has_torn_edit) throw Error(Errc::kIo, std::string(kInterrupted));
  return header;
}

std::uint64_t end_of_data(const RandomFile& file) {
  try {
    return parse(file).second;
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace ckpt::safetensors
