#include "formats/tf_bundle/index.h"

#include <algorithm>
#include <map>
#include <protozero/pbf_reader.hpp>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/likely_rows.h"
#include "formats/tf_bundle/dtype.h"
#include "formats/tf_bundle/table.h"

namespace ckpt::tf {
namespace {

constexpr std::uint64_t kLargestBlock = std::uint64_t{64} << 20;
constexpr std::int32_t kMostShards = 100'000;
constexpr std::size_t kMostSlices = 100'000;
constexpr std::int32_t kVersion = 1;  // kTensorBundleVersion

void check_header(const BundleHeader& header) {
  check_versions(header.versions, kVersion);
  if (header.num_shards < 1) {
    throw Error(Errc::kCorrupt, cat("the bundle's header says it has ", header.num_shards,
                                    " data shards; at least 1 is needed"));
  }
  if (header.num_shards > kMostShards) {
    throw Error(Errc::kUnsupported, cat("the bundle's header says it has ", header.num_shards,
                                        " data shards; at most ", kMostShards, " are read"));
  }
}

// Checks what an entry says against itself and the header.
void check_entry(const BundleEntry& entry, const BundleHeader& header) {
  const Type* type = find_type(entry.type);
  if (type == nullptr) {
    throw Error(Errc::kCorrupt, cat("has type ", entry.type, ", which TensorFlow does not have"));
  }
  const auto elements = num_elements(entry.shape);
  if (!elements) {
    throw Error(Errc::kCorrupt, cat("its shape ", to_string(entry.shape),
                                    " has more elements than 63 bits can count"));
  }
  if (!entry.slices.empty()) {
    if (entry.slices.size() > kMostSlices) {
      throw Error(Errc::kUnsupported,
                  cat("has ", entry.slices.size(), " slices; at most ", kMostSlices, " are read"));
    }
    return;
  }
  if (entry.shard < 0 || entry.shard >= header.num_shards) {
    throw Error(Errc::kCorrupt,
                cat("lies in shard ", entry.shard, "; the bundle has ", header.num_shards));
  }
  if (entry.offset < 0 || entry.size < 0 || !checked_add(entry.offset, entry.size)) {
    throw Error(Errc::kCorrupt, cat("has offset ", entry.offset, " and size ", entry.size,
                                    ", which no file can have"));
  }
  if (type->size == 0) return;
  const auto bytes = checked_mul(*elements, std::uint64_t{type->size});
  if (!bytes || *bytes != static_cast<std::uint64_t>(entry.size)) {
    throw Error(Errc::kCorrupt,
                cat("has ", entry.size, " bytes; shape ", to_string(entry.shape), " of ",
                    type->name, " needs ", bytes ? cat(*bytes) : "more than 64 bits can count"));
  }
}

}  // namespace

BundleIndex read_bundle_index(const RandomFile& file) {
  const Table table(file, kLargestBlock);
  BundleIndex index;
  index.variables.reserve(likely_rows(file.size(), 24));
  bool has_header = false;
  std::map<std::string, BundleEntry, std::less<>> hidden;  // whose keys begin with byte 0
  table.for_each([&](std::string_view key, std::string_view value) {
    if (!has_header) {
      if (!key.empty()) {
        throw Error(Errc::kCorrupt,
                    cat("its first key is '", escape(key), "'; a bundle's is empty, its header's"));
      }
      if (is_v1_header(value)) {
        throw Error(Errc::kUnsupported,
                    "is a TensorFlow checkpoint of version 1, not the index of a bundle");
      }
      index.header = decode_header(value);
      check_header(index.header);
      has_header = true;
      return;
    }
    try {
      BundleEntry entry = decode_entry(value);
      check_entry(entry, index.header);
      if (key[0] == '\0') {
        hidden.emplace(key, std::move(entry));
      } else {
        index.variables.push_back({.name = index.names.add(key), .entry = std::move(entry)});
      }
    } catch (const Error& e) {
      throw e.in(escape(key));
    }
  });
  if (!has_header) throw Error(Errc::kCorrupt, "has no header: a bundle's index begins with one");

  // A partitioned variable takes its slices from the hidden keys. What is left there is a variable
  // whose name begins with byte 0, or a slice that belongs to none.
  std::vector<std::string> taken;
  const auto assemble = [&](BundleIndex::Variable& variable) {
    const BundleEntry& whole = variable.entry;
    if (whole.slices.empty()) return;
    std::vector<Box> boxes;
    for (const Slice& slice : whole.slices) {
      Box box = box_of(slice, whole.shape);
      const std::string key = encode_slice_key(variable.name, slice);
      const auto it = hidden.find(key);
      if (it == hidden.end()) {
        throw Error(Errc::kCorrupt, cat("its slice ", text_of(slice), " is not in the index"));
      }
      const BundleEntry& part = it->second;
      if (part.type != whole.type || part.shape != box.count || !part.slices.empty()) {
        throw Error(Errc::kCorrupt, cat("its slice ", text_of(slice), " has type ", part.type,
                                        " and shape ", to_string(part.shape), "; type ", whole.type,
                                        " and shape ", to_string(box.count), " are needed"));
      }
      taken.push_back(key);
      boxes.push_back(box);
      variable.parts.push_back({.box = std::move(box), .entry = part});
    }
    check_cover(boxes, whole.shape);
  };
  for (BundleIndex::Variable& variable : index.variables) {
    try {
      assemble(variable);
    } catch (const Error& e) {
      throw e.in(escape(variable.name));
    }
  }
  for (const std::string& key : taken) index.slice_keys += hidden.erase(key);
  std::vector<BundleIndex::Variable> odd;
  for (auto& [key, entry] : hidden) {
    if (!entry.slices.empty()) {
      throw Error(Errc::kUnsupported, cat(escape(key),
                                          ": is partitioned, and its name begins with "
                                          "byte 0; such names are not read"));
    }
    odd.push_back({.name = index.names.add(key), .entry = std::move(entry)});
  }
  index.variables.insert(index.variables.begin(), std::make_move_iterator(odd.begin()),
                         std::make_move_iterator(odd.end()));
  return index;
}

bool is_v1_header(std::string_view value) {
  // SavedTensorSlices has a message in its first field, BundleHeaderProto a number.
  protozero::pbf_reader reader(value.data(), value.size());
  try {
    return reader.next() && reader.tag() == 1 &&
           reader.wire_type() == protozero::pbf_wire_type::length_delimited;
  } catch (const protozero::exception&) {
    return false;
  }
}

bool is_v1_table(const RandomFile& file) {
  if (!Table::has_magic(file)) return false;
  try {
    constexpr std::uint64_t kAny = std::uint64_t{1} << 40;
    const Table table(file, kAny);
    if (table.blocks().empty()) return false;
    bool found = false;
    bool first = true;
    table.for_each(0, [&](std::string_view key, std::string_view value) {
      if (first) found = key.empty() && is_v1_header(value);
      first = false;
    });
    return found;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace ckpt::tf
