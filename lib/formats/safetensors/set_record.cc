#include "formats/safetensors/set_record.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/json.h"
#include "formats/safetensors/header_text.h"
#include "formats/safetensors/set_index.h"
#include "formats/safetensors/shard_names.h"
#include "storage/new_file.h"

namespace ckpt::safetensors {
namespace {

using nlohmann::json;

constexpr std::string_view kKey = "ckpt_edit";
constexpr std::string_view kNote =
    "an edit of this set of files was interrupted; `ckpt recover` on this file finishes it";
constexpr std::size_t kLengthBytes = 8;

// What is written into a record; more than a reader takes is refused.
class RecordText {
 public:
  explicit RecordText(Blocks& out) : out_(out) {}

  // Throws Error(kUnsupported).
  void add(std::string_view text) {
    if (text.size() > left_) {
      throw Error(Errc::kUnsupported,
                  cat("the record of this edit of several files would have more than ",
                      with_commas(kMostJsonBytes),
                      " bytes, the most that is read; a remap to a new name has a smaller one"));
    }
    left_ -= text.size();
    out_.add(text);
  }

 private:
  Blocks& out_;
  std::uint64_t left_ = kMostJsonBytes;
};

// A JSON text, in pieces: it is cut behind an end of line, where no character is.
void add_text(RecordText& out, std::string_view text) {
  constexpr std::size_t kPiece = std::size_t{64} << 10U;
  out.add("\"");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n', kPiece), text.size() - 1) + 1;
    const std::string quoted = json(text.substr(0, end)).dump();
    out.add(std::string_view(quoted).substr(1, quoted.size() - 2));
    text.remove_prefix(end);
  }
  out.add("\"");
}

[[noreturn]] void complain() {
  throw Error(Errc::kCorrupt, "is the record of an interrupted edit, and damaged");
}

std::string text_of(const json& object, std::string_view key) {
  const json* value = find_member(object, key);
  if (value == nullptr || !value->is_string()) complain();
  return value->get<std::string>();
}

std::optional<Fingerprint> state_of(const json& object, std::string_view key) {
  if (find_member(object, key) == nullptr) return std::nullopt;
  const auto state = parse_fingerprint(text_of(object, key));
  if (!state) complain();
  return state;
}

ChangeRecord::File parse_file(const json& row) {
  if (!row.is_object()) complain();
  ChangeRecord::File file{.name = text_of(row, "file"),
                          .waiting = "",
                          .front = "",
                          .before = state_of(row, "before"),
                          .after = state_of(row, "after")};
  if (find_member(row, "waiting") != nullptr) file.waiting = text_of(row, "waiting");
  if (find_member(row, "header") != nullptr) {
    const std::string header = text_of(row, "header");
    file.front = header_prefix(header.size()) + header;
  }
  return file;
}

void check_names(const ChangeRecord& record, const std::string& path) {
  const std::string& text = record.decider;
  const ByteView bytes = as_byte_view(std::string_view(text));
  const auto shards = read_set_index(*memory_file(Bytes(bytes.begin(), bytes.end()))).shards;
  for (const ChangeRecord::File& file : record.files) {
    const bool is_named = std::ranges::find(shards, file.name) != shards.end();
    const bool is_own = is_shard_of(file.name, path);
    // A shard that has no variable left is called as one, and not named.
    if (file.goes() ? is_own && !is_named : is_named || is_own) continue;
    throw Error(Errc::kCorrupt,
                cat("the record of an interrupted edit speaks of '", escape(file.name),
                    "', which is no shard of this set; nothing is done"));
  }
}

}  // namespace

bool is_set_record(const RandomFile& index) { return has_json_key(index, kKey); }

void refuse_set_record(const RandomFile& index) {
  if (is_set_record(index)) throw Error(Errc::kIo, std::string(kInterrupted));
}

void print_set_record(const ChangeRecord& record, Blocks& blocks) {
  RecordText out(blocks);
  try {
    out.add(
        cat("{", json(kKey).dump(), ": {\n \"note\": ", json(kNote).dump(), ",\n \"files\": ["));
    std::string_view before = "\n  ";
    for (const ChangeRecord::File& file : record.files) {
      out.add(cat(before, "{\"file\": ", json(file.name).dump()));
      if (file.before) out.add(cat(", \"before\": \"", to_string(*file.before), "\""));
      if (file.after) out.add(cat(", \"after\": \"", to_string(*file.after), "\""));
      if (!file.waiting.empty()) out.add(cat(", \"waiting\": ", json(file.waiting).dump()));
      if (!file.front.empty()) {
        out.add(", \"header\": ");
        add_text(out, std::string_view(file.front).substr(kLengthBytes));
      }
      out.add("}");
      before = ",\n  ";
    }
    out.add("],\n \"index\": ");
    add_text(out, record.decider);
    out.add("}}\n");
  } catch (const json::exception& e) {
    throw Error(Errc::kUnsupported, cat("cannot be kept as JSON: ", e.what()));
  }
}

ChangeRecord parse_set_record(const RandomFile& file, const std::string& path) {
  const json root = parse_json(read_json_text(file), "the record of an interrupted edit");
  const json* record = find_member(root, kKey);
  if (record == nullptr || !record->is_object()) complain();
  ChangeRecord change{.files = {}, .decider = text_of(*record, "index")};
  const json* files = find_member(*record, "files");
  if (files == nullptr || !files->is_array()) complain();
  for (const json& row : *files) change.files.push_back(parse_file(row));
  check_names(change, path);
  return change;
}

Recovery recover_set(const LockedFile& index, Wait wait) {
  const auto file = index.view();
  if (!is_set_record(*file)) return Recovery::kClean;
  const ChangeRecord record = parse_set_record(*file, index.path());
  RecordedChange(index.path(), record).carry_out({}, wait);
  NewFile text(index.path(), Overwrite::kYes, wait);
  text.write_at(0, as_byte_view(std::string_view(record.decider)));
  text.commit(true);
  return Recovery::kFinished;
}

}  // namespace ckpt::safetensors
