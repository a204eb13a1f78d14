#include "formats/safetensors/set_index.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"

namespace ckpt::safetensors {
namespace {

using nlohmann::json;

constexpr std::string_view kWhat = "the index";
constexpr std::string_view kMap = "weight_map";

// Takes the members of weight_map.
class RowReader {
 public:
  explicit RowReader(SetIndex& index) : index_(index) {}

  void take(const std::string& name, const json& shard) {
    if (!shard.is_string()) {
      throw Error(Errc::kCorrupt, cat(escape(name), ": the shard is no string in ", kMap));
    }
    const auto number = static_cast<std::uint32_t>(index_.rows.size());
    index_.add(name, number_of(shard.get_ref<const std::string&>()));
    if (rows_.add(number, [&](std::uint32_t i) { return index_.rows[i].name; }) != number) {
      throw Error(Errc::kCorrupt, cat(kWhat, " has the key '", escape(name), "' twice"));
    }
  }

 private:
  std::uint32_t number_of(const std::string& shard) {
    const auto name_of = [&](std::uint32_t i) { return std::string_view(index_.shards[i]); };
    std::uint32_t number = shards_.find(shard, name_of);
    if (number == NameIndex::kNone) {
      number = static_cast<std::uint32_t>(index_.shards.size());
      index_.shards.push_back(shard);
      shards_.add(number, name_of);
    }
    return number;
  }

  SetIndex& index_;
  NameIndex rows_;
  NameIndex shards_;
};

std::string indented(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; ++at) {
    text.insert(at + 1, "  ");
  }
  return text;
}

void write_rows(const SetIndex& index, const std::function<void(std::string_view)>& out) {
  std::string_view before = "{\n    ";
  for (const SetIndex::Row& row : index.rows) {
    out(cat(before, json(row.name).dump(), ": ", json(index.shards[row.shard]).dump()));
    before = ",\n    ";
  }
  out(index.rows.empty() ? "{}" : "\n  }");
}

}  // namespace

SetIndex read_set_index(const RandomFile& file) {
  SetIndex index;
  RowReader rows(index);
  index.rest = parse_json(read_json_text(file), kWhat, kMap,
                          [&](const auto& key, const json& value) { rows.take(key, value); });
  const json* map = find_member(index.rest, kMap);
  if (map == nullptr || !map->is_object()) {
    throw Error(Errc::kCorrupt, cat(kMap, " is ", map == nullptr ? "missing" : "no object",
                                    ", an object from names to shards is needed"));
  }
  return index;
}

void write_set_index(SetIndex index, const std::function<void(std::string_view)>& out) {
  std::ranges::sort(index.rows, {}, &SetIndex::Row::name);
  index.rest[std::string(kMap)] = json::object();
  std::string_view before = "{\n  ";
  for (const auto& [key, value] : index.rest.items()) {
    out(cat(before, json(key).dump(), ": "));
    before = ",\n  ";
    if (key == kMap) {
      write_rows(index, out);
    } else {
      out(indented(value.dump(2)));
    }
  }
  out("\n}\n");
}

std::string print_set_index(SetIndex index) {
  std::string text;
  write_set_index(std::move(index), [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace ckpt::safetensors
