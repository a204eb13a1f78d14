#include "formats/safetensors/shards.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"
#include "formats/io/chain.h"
#include "formats/io/json.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/header.h"
#include "storage/journal.h"

namespace ckpt::safetensors {
namespace {

using nlohmann::json;

constexpr std::size_t kMostShards = 100'000;

void note_total_size(const json& index, ExtentReader::Content& content) {
  const json* metadata = find_member(index, "metadata");
  const json* total = metadata == nullptr ? nullptr : find_member(*metadata, "total_size");
  if (total == nullptr) return;
  std::uint64_t sum = 0;
  for (const Extent& extent : content.extents) sum += extent.stored_bytes;
  const bool right = total->is_number_unsigned() ? total->get<std::uint64_t>() == sum
                     : total->is_number_float()  ? total->get<double>() == static_cast<double>(sum)
                                                 : false;
  if (!right) {
    content.index.notes.push_back(cat("the index says that total_size is ",
                                      escape(total->dump().substr(0, 64)), ", the variables take ",
                                      sum, " bytes"));
  }
}

}  // namespace

void add_file(ExtentReader::Content& content, std::unique_ptr<RandomFile> file,
              const std::string& name) {
  Header header = read_header(*file);
  if (header.has_torn_edit) {
    const std::uint64_t end = end_of_data(*file);
    file = settle_torn(std::move(file), end).file;
    header.notes.emplace_back(kReadAsRecovered);
  }
  add_header(content, header, name);
  if (name.empty()) {
    content.files.push_back(std::move(file));
  } else {
    auto shard = std::make_unique<Chain>();
    shard->add(std::move(file), name);
    content.files.push_back(std::move(shard));
  }
}

Entry entry_of(const Header& header, const Tensor& tensor, const std::string& name) {
  const std::uint64_t offset = header.data_start + tensor.begin;
  const bool numeric = is_numeric(tensor.dtype);
  return {.name = std::string(tensor.name),
          .own_place = name.empty() ? cat("offset ", offset) : cat(name, ", offset ", offset),
          .dtype = tensor.dtype,
          .shape = tensor.shape,
          .nbytes = numeric ? tensor.end - tensor.begin : 0,
          .native_dtype = numeric ? "" : tensor.stored_dtype,
          .aliases = {}};
}

void add_header(ExtentReader::Content& content, const Header& header, const std::string& name) {
  const std::size_t number = content.file_names.size();
  content.file_names.push_back(name);
  if (content.index.entries.empty()) {
    content.index.entries.reserve(header.tensors.size());
    content.extents.reserve(header.tensors.size());
  }
  for (const Tensor& tensor : header.tensors) {
    const std::uint64_t size = tensor.end - tensor.begin;
    Extent extent{.file = number, .offset = header.data_start + tensor.begin, .stored_bytes = size};
    if (!is_numeric(tensor.dtype)) extent.words = cat(size, " bytes of ", tensor.stored_dtype);
    content.extents.push_back(std::move(extent));
    content.index.entries.push_back(entry_of(header, tensor, name));
  }
  const std::string where = name.empty() ? "" : cat(escape(name), ": ");
  for (const std::string& note : header.notes) content.index.notes.push_back(where + note);
  for (const auto& pair : header.metadata) {
    // Every shard of a set carries the same ones, as a rule.
    const bool known = std::ranges::any_of(content.attributes, [&](const auto& attribute) {
      return attribute.name == pair.first && attribute.value == pair.second;
    });
    content.metadata.emplace(pair.first, pair.second);
    if (!known) content.attributes.push_back({pair.first, pair.second});
  }
}

ExtentReader::Content read_shards(const SetIndex& index, const std::string& path,
                                  const RecordedChange* change) {
  if (index.shards.size() > kMostShards) {
    throw Error(Errc::kUnsupported, cat("names ", index.shards.size(), " shards, ", kMostShards,
                                        " are the most that are opened"));
  }
  const std::string own_name = path.substr(path.rfind('/') + 1);
  ExtentReader::Content content;
  content.index.entries.reserve(index.rows.size());
  content.extents.reserve(index.rows.size());
  constexpr std::uint32_t kNowhere = NameIndex::kNone;
  const auto name_of = [&](std::uint32_t i) { return index.rows[i].name; };
  NameIndex rows(index.rows.size());
  for (std::uint32_t i = 0; i < index.rows.size(); ++i) rows.add(i, name_of);
  std::vector<std::uint32_t> entry_of_row(index.rows.size(), kNowhere);
  std::unordered_map<std::string, std::uint32_t> others;  // that the index does not name
  std::vector<std::string> shards = index.shards;
  std::ranges::sort(shards);
  for (const std::string& shard : shards) {
    if (shard == own_name) {
      throw Error(Errc::kCorrupt, cat("names itself, '", escape(shard), "', as a shard"));
    }
    auto opened = change == nullptr ? nullptr : change->open(shard);
    if (!opened) opened = open_sibling(path, shard, "shard");
    const std::size_t first = content.index.entries.size();
    try {
      add_file(content, std::move(opened), shard);
    } catch (const Error& e) {
      throw e.in(escape(shard));
    }
    std::vector<std::string> unnamed;
    for (std::size_t i = first; i < content.index.entries.size(); ++i) {
      const std::string& name = content.index.entries[i].name;
      const std::uint32_t row = rows.find(name, name_of);
      const bool is_named = row != NameIndex::kNone;
      std::uint32_t& found =
          is_named ? entry_of_row[row] : others.emplace(name, kNowhere).first->second;
      if (found != kNowhere) {
        const Extent& extent = content.extents[found];
        throw Error(Errc::kCorrupt,
                    cat(escape(name), ": is in two shards, '",
                        escape(content.file_names[extent.file]), "' and '", escape(shard), "'"));
      }
      found = static_cast<std::uint32_t>(i);
      if (!is_named) unnamed.push_back(in_quotes(name));
    }
    if (!unnamed.empty()) {
      const std::size_t count = unnamed.size();
      if (count > 3) unnamed.resize(3);
      content.index.notes.push_back(cat(escape(shard), ": has ", count_of(count, "variable"),
                                        " that the index does not name: ", join(unnamed, ", "),
                                        count > 3 ? ", …" : ""));
    }
  }
  for (std::uint32_t i = 0; i < index.rows.size(); ++i) {
    const std::string& shard = index.shards[index.rows[i].shard];
    if (entry_of_row[i] == kNowhere) {
      throw Error(Errc::kCorrupt, cat(escape(name_of(i)), ": the index says it is in the shard '",
                                      escape(shard), "', which has no such variable"));
    }
    const std::string& actual = content.file_names[content.extents[entry_of_row[i]].file];
    if (actual != shard) {
      throw Error(Errc::kCorrupt, cat(escape(name_of(i)), ": the index says it is in the shard '",
                                      escape(shard), "', it is in '", escape(actual), "'"));
    }
  }
  note_total_size(index.rest, content);
  return content;
}

}  // namespace ckpt::safetensors
