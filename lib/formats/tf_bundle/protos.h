#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"
#include "formats/tf_bundle/slice.h"

namespace protozero {
class pbf_reader;
}

namespace ckpt::tf {

// The protocol buffers of TensorFlow's checkpoints (protobuf/tensor_bundle.proto,
// framework/versions.proto, tensor_shape.proto, tensor_slice.proto). Fields that are not known are
// skipped, as protocol buffers ask.

struct Versions {
  std::int32_t producer = 0;
  std::int32_t min_consumer = 0;
  std::vector<std::int32_t> bad_consumers;
};

// What stands under the empty key of a bundle's index.
struct BundleHeader {
  std::int32_t num_shards = 0;
  bool big_endian = false;
  Versions versions;
};

// What stands under a tensor's name, or under the key of a slice.
struct BundleEntry {
  std::int32_t type = 0;
  Shape shape;
  std::int32_t shard = 0;
  std::int64_t offset = 0;
  std::int64_t size = 0;
  std::uint32_t crc = 0;
  std::vector<Slice> slices;  // not empty: the tensor lies in those, and has no bytes here
};

// Runs `f`, and throws Error(kCorrupt), saying what was decoded, where protozero finds the bytes
// malformed.
void decode_proto(std::string_view what, const std::function<void()>& f);

// All throw Error(kCorrupt). A shape must be known, its extents not negative, its rank at most 254.
BundleHeader decode_header(std::string_view bytes);
BundleEntry decode_entry(std::string_view bytes);
Shape decode_shape(std::string_view bytes);
Slice decode_slice(std::string_view bytes);
Versions decode_versions(std::string_view bytes);

// Throws Error(kUnsupported) where a reader of version `current` must not read such a file.
void check_versions(const Versions& versions, std::int32_t current);

// The header with another number of shards, and all else as it is.
std::string with_shards(std::string_view header, std::int64_t count);

// As TensorFlow writes them: fields in the order of their numbers, zeros left out.
std::string encode_header(const BundleHeader& header);
std::string encode_entry(const BundleEntry& entry);

}  // namespace ckpt::tf
