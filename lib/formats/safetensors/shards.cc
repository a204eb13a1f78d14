#include "formats/safetensors/shards.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/chain.h"
#include "formats/io/json.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/header.h"

namespace ckpt::safetensors {
namespace {

using nlohmann::json;

constexpr std::size_t kMostShards = 100'000;

// The shard of each variable, as the index says.
struct Named {
  static constexpr std::size_t kNowhere = SIZE_MAX;

  std::string_view shard;
  std::size_t entry = kNowhere;  // where it was found
};
using ShardOf = std::unordered_map<std::string_view, Named>;

ShardOf read_weight_map(const json& index) {
  const json* map = find_member(index, "weight_map");
  if (map == nullptr || !map->is_object()) {
    throw Error(Errc::kCorrupt, cat("weight_map is ", map == nullptr ? "missing" : "no object",
                                    ", an object from names to shards is needed"));
  }
  ShardOf shard_of;
  shard_of.reserve(map->size());
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) {
      throw Error(Errc::kCorrupt, cat(escape(name), ": the shard is no string in weight_map"));
    }
    shard_of.emplace(name, Named{shard.get_ref<const std::string&>()});
  }
  return shard_of;
}

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
  add_header(content, read_header(*file), name);
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

ExtentReader::Content read_shards(const RandomFile& file, const std::string& path) {
  const json index = parse_json(read_json_text(file), "the index");
  ShardOf shard_of = read_weight_map(index);
  std::map<std::string_view, std::size_t> shards;  // in the order of their names, with their sizes
  for (const auto& [name, named] : shard_of) ++shards[named.shard];
  if (shards.size() > kMostShards) {
    throw Error(Errc::kUnsupported, cat("names ", shards.size(), " shards, ", kMostShards,
                                        " are the most that are opened"));
  }
  const std::string own_name = path.substr(path.rfind('/') + 1);
  ExtentReader::Content content;
  content.index.entries.reserve(shard_of.size());
  content.extents.reserve(shard_of.size());
  std::unordered_map<std::string, std::size_t> others;  // that the index does not name
  for (const auto& [shard_view, size] : shards) {
    const std::string shard(shard_view);
    if (shard == own_name) {
      throw Error(Errc::kCorrupt, cat("names itself, '", escape(shard), "', as a shard"));
    }
    auto opened = open_sibling(path, shard, "shard");
    const std::size_t first = content.index.entries.size();
    try {
      add_file(content, std::move(opened), shard);
    } catch (const Error& e) {
      throw e.in(escape(shard));
    }
    std::vector<std::string> unnamed;
    for (std::size_t i = first; i < content.index.entries.size(); ++i) {
      const std::string& name = content.index.entries[i].name;
      const auto named = shard_of.find(name);
      const bool is_named = named != shard_of.end();
      std::size_t& found =
          is_named ? named->second.entry : others.emplace(name, Named::kNowhere).first->second;
      if (found != Named::kNowhere) {
        const Extent& extent = content.extents[found];
        throw Error(Errc::kCorrupt,
                    cat(escape(name), ": is in two shards, '",
                        escape(content.file_names[extent.file]), "' and '", escape(shard), "'"));
      }
      found = i;
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
  std::vector<std::string_view> names;
  for (const auto& [name, named] : shard_of) names.push_back(name);
  std::ranges::sort(names);
  for (const std::string_view name : names) {
    const auto& [shard, entry] = shard_of.at(name);
    if (entry == Named::kNowhere) {
      throw Error(Errc::kCorrupt, cat(escape(name), ": the index says it is in the shard '",
                                      escape(shard), "', which has no such variable"));
    }
    const std::string& actual = content.file_names[content.extents[entry].file];
    if (actual != shard) {
      throw Error(Errc::kCorrupt, cat(escape(name), ": the index says it is in the shard '",
                                      escape(shard), "', it is in '", escape(actual), "'"));
    }
  }
  note_total_size(index, content);
  return content;
}

}  // namespace ckpt::safetensors
