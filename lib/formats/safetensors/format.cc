// One file:
//
//   0          8              8 + N
//   | N (u64)  | JSON, N bytes | tensors, end to end, row-major, little-endian |
//
//   {"__metadata__": {"format": "pt"},                                    optional, text to text
//    "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
//
// A set of files is a JSON file beside them:
//
//   {"metadata": {"total_size": 48}, "weight_map": {"a.weight":
//   "model-00001-of-00002.safetensors"}}
//
// https://github.com/huggingface/safetensors: README, "Format"; safetensors/src/tensor.rs has the
// rules of what is valid.
#include "formats/safetensors/format.h"

#include "core/error.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"
#include "formats/io/extent_reader.h"
#include "formats/io/json.h"
#include "formats/io/roles.h"
#include "formats/safetensors/edit.h"
#include "formats/safetensors/edit_set.h"
#include "formats/safetensors/edit_shards.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/set_record.h"
#include "formats/safetensors/sharded_writer.h"
#include "formats/safetensors/shards.h"
#include "formats/safetensors/writer.h"
#include "storage/journal.h"

namespace ckpt::safetensors {
namespace {

constexpr char kSeparator = '.';

// A '{' behind a length that could be one. No length that could be passes 2^40 bytes, and no text
// that has a '{' there starts with eight bytes below.
bool detect(const RandomFile& file) {
  if (file.size() < 9) return false;
  Bytes start(9);
  file.read_at(0, start);
  if (start[8] != std::byte{'{'}) return false;
  const auto length = decode_number<std::uint64_t>(ByteView(start).first(8));
  return length < std::uint64_t{1} << 40;
}

bool detect_index(const RandomFile& file) {
  return has_json_key(file, "weight_map") || is_set_record(file);
}

std::unique_ptr<Reader> read_content(ExtentReader::Content content, std::string_view layout) {
  content.index.format = "safetensors";
  content.index.layout = layout;
  content.index.separator = kSeparator;
  for (const auto& file : content.files) content.index.file_bytes += file->size();
  assign_roles(content.index.entries, kSeparator);
  return std::make_unique<ExtentReader>(std::move(content));
}

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string&,
                             const OpenOptions& options) {
  ExtentReader::Content content;
  add_file(content, std::move(file), "");
  if (options.was_interrupted) content.index.notes.emplace_back(kReadAsRecovered);
  return read_content(std::move(content), "native");
}

std::unique_ptr<Reader> open_index(std::unique_ptr<RandomFile> file, const std::string& path,
                                   const OpenOptions&) {
  if (!is_set_record(*file)) {
    return read_content(read_shards(read_set_index(*file), path), "sharded");
  }
  const ChangeRecord record = parse_set_record(*file, path);
  const RecordedChange change(path, record);
  const ByteView text = as_byte_view(std::string_view(record.decider));
  const SetIndex index = read_set_index(*memory_file(Bytes(text.begin(), text.end())));
  ExtentReader::Content content = read_shards(index, path, &change);
  content.index.notes.emplace_back(kReadAsRecovered);
  return read_content(std::move(content), "sharded");
}

}  // namespace

const Format kFormat{.name = "safetensors",
                     .id = "safetensors",
                     .separator = kSeparator,
                     .suffixes = ".safetensors",
                     .detect = detect,
                     .open = open,
                     .holds_metadata = true,
                     .create = create,
                     .edit = edit,
                     .undo = undo,
                     .end_of_data = end_of_data};

const Format kIndexFormat{.name = "sharded safetensors",
                          .id = "safetensors-index",
                          .separator = kSeparator,
                          .suffixes = ".safetensors.index.json",
                          .detect = detect_index,
                          .open = open_index,
                          .holds_metadata = true,
                          .create = create_shards,
                          .edit = edit_shards,
                          .undo = undo_shards,
                          .is_interrupted = [](const RandomFile& file,
                                               const std::string&) { return is_set_record(file); },
                          .recover = recover_set};

}  // namespace ckpt::safetensors
