// model.json, or weights_manifest.json, which is the inner list alone:
//
//   {"format": "layers-model" | "graph-model", "modelTopology": …,
//    "weightsManifest": [{"paths": ["group1-shard1of2.bin", …],
//                         "weights": [{"name": "dense/kernel", "shape": [2, 3], "dtype": "float32",
//                                      "quantization": {"dtype": "uint8", "scale": …, "min": …}},
//                                     …]}, …]}
//
// A group's files end to end hold its weights end to end, row-major, little-endian; a string is its
// length in 4 bytes and its bytes. https://github.com/tensorflow/tfjs: tfjs-core/src/io.
#include "formats/tfjs/format.h"

#include <algorithm>
#include <set>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"
#include "formats/io/chain.h"
#include "formats/io/extent_reader.h"
#include "formats/io/json.h"
#include "formats/io/roles.h"
#include "formats/io/sibling.h"
#include "formats/io/window.h"
#include "formats/tfjs/manifest.h"

namespace ckpt::tfjs {
namespace {

using nlohmann::json;

constexpr char kSeparator = '/';

bool detect(const RandomFile& file) {
  return has_json_key(file, "weightsManifest") || has_json_key(file, "weights", true);
}

std::unique_ptr<Chain> open_files(const Group& group, const std::string& path) {
  auto chain = std::make_unique<Chain>();
  std::set<std::string_view> names;
  for (const std::string& name : group.paths) {
    if (!names.insert(name).second) {
      throw Error(Errc::kCorrupt, cat("names the weight file '", escape(name), "' twice"));
    }
    chain->add(open_sibling(path, name, "weight file"), name);
  }
  return chain;
}

Error too_short(const Weight& weight, std::uint64_t needed, std::uint64_t offset,
                std::uint64_t size) {
  return Error(Errc::kCorrupt, cat(escape(weight.name), ": needs ", needed, " bytes at ", offset,
                                   " of its group's weight files, which have ", size, " together"));
}

// The bytes of a weight at `offset`; a string tensor is walked for them.
std::uint64_t bytes_of(const Weight& weight, Window& window, std::uint64_t offset) {
  const std::uint64_t size = window.file_size();
  if (weight.dtype != DType::kString) {
    const auto bytes = checked_mul<std::uint64_t>(weight.elements, size_of(weight.dtype));
    if (!bytes || *bytes > size - offset) {
      throw too_short(weight, bytes.value_or(~std::uint64_t{0}), offset, size);
    }
    return *bytes;
  }
  std::uint64_t at = offset;
  for (std::uint64_t i = 0; i < weight.elements; ++i) {
    if (size - at < 4) throw too_short(weight, at - offset + 4, offset, size);
    const auto length = decode_number<std::uint32_t>(window.view(at, 4));
    at += 4;
    if (size - at < length) throw too_short(weight, at - offset + length, offset, size);
    at += length;
  }
  return at - offset;
}

void add_group(Group group, const std::string& path, ExtentReader::Content& content,
               std::size_t& scaled) {
  auto chain = open_files(group, path);
  const std::size_t number = content.files.size();
  const std::string name = join(group.paths, " + ");
  Window window(*chain);
  std::uint64_t offset = 0;
  for (Weight& weight : group.weights) {
    const std::uint64_t bytes = bytes_of(weight, window, offset);
    const bool numeric = is_numeric(weight.dtype);
    scaled += weight.scaled ? 1 : 0;
    content.extents.push_back({.file = number,
                               .offset = offset,
                               .stored_bytes = bytes,
                               .words = numeric ? "" : cat(bytes, " bytes of text"),
                               .attributes = std::move(weight.attributes)});
    content.index.entries.push_back({.name = std::move(weight.name),
                                     .own_place = cat(name, ", offset ", offset),
                                     .dtype = weight.dtype,
                                     .shape = std::move(weight.shape),
                                     .nbytes = numeric ? bytes : 0,
                                     .native_dtype = std::move(weight.native_dtype)});
    offset += bytes;
  }
  if (offset < chain->size()) {
    content.index.notes.push_back(cat(escape(name), ": has ", chain->size() - offset,
                                      " bytes that the manifest does not name"));
  }
  content.index.file_bytes += chain->size();
  content.files.push_back(std::move(chain));
  content.file_names.push_back(name);
}

// "layers model", "graph model" or "weights alone", by what the topology is: files of the first
// converters do not say it.
std::string layout_of(const json& model) {
  const json* topology = find_member(model, "modelTopology");
  if (topology == nullptr) return "weights alone";
  return find_member(*topology, "node") != nullptr ? "graph model" : "layers model";
}

// The config of a layers model, as Keras's own files have it: the topology, or a member of it where
// Python's converter wrote the file.
Metadata metadata_of(const json& model) {
  Metadata metadata;
  const json* topology = find_member(model, "modelTopology");
  if (topology == nullptr || find_member(*topology, "node") != nullptr) return metadata;
  const json* config = find_member(*topology, "model_config");
  metadata.emplace("model_config", (config == nullptr ? *topology : *config).dump());
  for (const char* key : {"keras_version", "backend"}) {
    const json* value = find_member(*topology, key);
    if (value != nullptr && value->is_string()) metadata.emplace(key, value->get<std::string>());
  }
  return metadata;
}

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string& path,
                             const OpenOptions&) {
  const json model = parse_json(read_json_text(*file), "the JSON text");
  const json* manifest = model.is_array() ? &model : find_member(model, "weightsManifest");
  if (manifest == nullptr) throw Error(Errc::kCorrupt, "has no weightsManifest");

  ExtentReader::Content content;
  content.index.format = "TensorFlow.js";
  content.index.layout = layout_of(model);
  content.index.separator = kSeparator;
  content.index.file_bytes = file->size();
  for (const std::string_view key : {"format", "generatedBy", "convertedBy"}) {
    const json* value = find_member(model, key);
    if (value != nullptr && value->is_string()) {
      content.attributes.push_back({std::string(key), value->get<std::string>()});
    }
  }
  content.metadata = metadata_of(model);
  std::size_t scaled = 0;
  for (Group& group : read_manifest(*manifest)) {
    add_group(std::move(group), path, content, scaled);
  }
  std::set<std::string_view> names;
  for (const Entry& entry : content.index.entries) {
    if (!names.insert(entry.name).second) {
      throw Error(Errc::kCorrupt, cat("two weights are called '", escape(entry.name), "'"));
    }
  }
  if (scaled > 0) {
    content.index.notes.push_back(
        cat(count_of(scaled, "variable"), scaled == 1 ? " is" : " are",
            " quantised: the numbers here are those in the file; a value is scale × number + min, "
            "which `ckpt show` gives"));
  }
  assign_roles(content.index.entries, kSeparator);
  return std::make_unique<ExtentReader>(std::move(content));
}

}  // namespace

const Format kFormat{.name = "TensorFlow.js",
                     .id = "tfjs",
                     .separator = kSeparator,
                     .suffixes = "model.json",
                     .detect = detect,
                     .open = open,
                     .create = nullptr};

}  // namespace ckpt::tfjs
