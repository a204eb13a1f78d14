#include "formats/tf_bundle/rename.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/string_pool.h"
#include "core/text.h"
#include "formats/tf_bundle/dtype.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/strings.h"
#include "formats/tf_bundle/table.h"
#include "formats/tf_bundle/table_builder.h"

namespace ckpt::tf {
namespace {

constexpr std::uint64_t kAnySize = std::uint64_t{64} << 20;  // of a block; the index was checked

// The new object graph behind the end of its shard, and its entry; empty where no name changes.
std::optional<RenamedIndex::Append> move_graph(BundleEntry& entry, bool big_endian,
                                               const Rename& rename, const RandomFile* shard) {
  if (entry.type != kStringType || !entry.shape.empty()) return std::nullopt;
  if (shard == nullptr) {
    throw Error(Errc::kNotFound, cat("its data shard ", entry.shard,
                                     " is not there, and the names "
                                     "in the object graph must change with those in the index"));
  }
  if (static_cast<std::uint64_t>(entry.offset + entry.size) > shard->size()) {
    throw Error(Errc::kCorrupt,
                cat("offset ", entry.offset, " + ", entry.size, " bytes passes the end of shard ",
                    entry.shard, " (", shard->size(), ")"));
  }
  std::string stored(static_cast<std::size_t>(entry.size), '\0');
  shard->read_at(static_cast<std::uint64_t>(entry.offset),
                 std::as_writable_bytes(std::span(stored)));
  const auto strings = decode_strings(stored, 1, big_endian);
  const std::string graph = rename_in_object_graph(strings[0], rename);
  if (graph == strings[0]) return std::nullopt;
  EncodedStrings encoded = encode_strings({graph}, big_endian);
  entry.offset = static_cast<std::int64_t>(shard->size());
  entry.size = static_cast<std::int64_t>(encoded.bytes.size());
  entry.crc = encoded.crc;
  return RenamedIndex::Append{entry.shard, shard->size(), std::move(encoded.bytes)};
}

}  // namespace

RenamedIndex rename_in_bundle(const RandomFile& index, const Rename& rename,
                              const std::function<const RandomFile*(std::int32_t)>& shard,
                              const OtherChanges& others) {
  const BundleIndex bundle = read_bundle_index(index);
  StringPool texts;
  std::vector<TableRow> old;
  old.reserve(bundle.variables.size() + bundle.slice_keys + 1);
  Table(index, kAnySize).for_each([&](std::string_view key, std::string_view value) {
    old.push_back({texts.add(key), texts.add(value)});
  });

  RenamedIndex result;
  std::vector<TableRow> rows;
  rows.reserve(old.size() + others.added.size());
  // What the index has under the key `from`, as it is.
  const auto move = [&](std::string_view from, std::string_view to) {
    rows.push_back({to, std::ranges::lower_bound(old, from, {}, &TableRow::key)->value});
  };
  const auto check_name = [](std::string_view name, std::string_view of) {
    if (!name.empty() && name[0] != '\0') return;
    throw Error(Errc::kInvalid, cat(escape(of), ": '", escape(name),
                                    "' cannot be a name in a bundle: it is empty, or begins with "
                                    "byte 0, as keys of slices do"));
  };
  move("", "");
  if (others.shards) rows.back().value = texts.add(with_shards(rows.back().value, *others.shards));
  for (const BundleIndex::Variable& variable : bundle.variables) {
    if (others.drops.contains(variable.name)) continue;
    const auto renamed = rename(variable.name);
    const std::string_view name = renamed ? texts.add(*renamed) : variable.name;
    if (name != variable.name) check_name(name, variable.name);
    if (variable.name == kObjectGraphKey) {
      if (name != variable.name) {
        throw Error(Errc::kInvalid, cat(kObjectGraphKey,
                                        ": holds the object graph, which TensorFlow "
                                        "looks for under this name"));
      }
      BundleEntry entry = variable.entry;
      try {
        result.append = move_graph(entry, bundle.header.big_endian, rename, shard(entry.shard));
      } catch (const Error& e) {
        throw e.in(kObjectGraphKey);
      }
      if (result.append) {
        rows.push_back({name, texts.add(encode_entry(entry))});
        continue;
      }
    }
    move(variable.name, name);
    for (const Slice& slice : variable.entry.slices) {
      move(encode_slice_key(variable.name, slice), texts.add(encode_slice_key(name, slice)));
    }
  }
  for (const auto& [name, entry] : others.added) {
    check_name(name, name);
    rows.push_back({name, texts.add(encode_entry(entry))});
  }
  std::ranges::sort(rows, {}, &TableRow::key);
  const auto twice = std::ranges::adjacent_find(rows, {}, &TableRow::key);
  if (twice != rows.end()) {
    throw Error(Errc::kConflict, cat("two variables would be called '", escape(twice->key), "'"));
  }
  result.index = build_table(rows);
  return result;
}

}  // namespace ckpt::tf
