#include "formats/tf_bundle/protos.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "core/error.h"
#include "core/text.h"
#include "formats/tf_bundle/wire.h"

namespace ckpt::tf {
namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;
using protozero::tag_and_type;
constexpr auto kFixed32 = protozero::pbf_wire_type::fixed32;
constexpr std::size_t kMostDimensions = 254;  // TensorShapeRep::MaxDimensions()

Extent decode_extent(std::string_view bytes) {
  Extent extent;
  for (pbf_reader reader = reader_of(bytes); reader.next();) {
    switch (reader.tag_and_type()) {
      case tag_and_type(1, kVarint):
        extent.start = reader.get_int64();
        break;
      case tag_and_type(2, kVarint):
        extent.length = reader.get_int64();
        if (extent.length < 0) throw Error(Errc::kCorrupt, "an extent of a slice is negative");
        break;
      default:
        reader.skip();
    }
  }
  return extent;
}

std::string encode_slice(const Slice& slice) {
  std::string bytes;
  pbf_writer writer(bytes);
  for (const Extent& extent : slice) {
    std::string inner;
    pbf_writer fields(inner);
    if (extent.start != 0) fields.add_int64(1, extent.start);
    if (extent.length != -1) fields.add_int64(2, extent.length);
    writer.add_message(1, inner);  // also where it is empty, which a nested writer would leave out
  }
  return bytes;
}

std::string encode_shape(const Shape& shape) {
  std::string bytes;
  pbf_writer writer(bytes);
  for (const std::int64_t extent : shape) {
    std::string dim;
    if (extent != 0) pbf_writer(dim).add_int64(1, extent);
    writer.add_message(2, dim);
  }
  return bytes;
}

}  // namespace

void decode_proto(std::string_view what, const std::function<void()>& f) {
  try {
    f();
  } catch (const protozero::exception& e) {
    throw Error(Errc::kCorrupt, cat(what, " is no protocol buffer (", e.what(), ")"));
  }
}

Versions decode_versions(std::string_view bytes) {
  Versions versions;
  for (pbf_reader reader = reader_of(bytes); reader.next();) {
    switch (reader.tag_and_type()) {
      case tag_and_type(1, kVarint):
        versions.producer = reader.get_int32();
        break;
      case tag_and_type(2, kVarint):
        versions.min_consumer = reader.get_int32();
        break;
      case tag_and_type(3, kVarint):
        versions.bad_consumers.push_back(reader.get_int32());
        break;
      case tag_and_type(3, kBytes):
        for (const std::int32_t bad : reader.get_packed_int32())
          versions.bad_consumers.push_back(bad);
        break;
      default:
        reader.skip();
    }
  }
  return versions;
}

void check_versions(const Versions& versions, std::int32_t current) {
  if (versions.producer < 0) {
    throw Error(Errc::kUnsupported, cat("was written by version ", versions.producer,
                                        " of its format; 0 is the oldest"));
  }
  if (versions.min_consumer > current) {
    throw Error(Errc::kUnsupported, cat("asks for readers of version ", versions.min_consumer,
                                        " of its format; this one has ", current));
  }
  for (const std::int32_t bad : versions.bad_consumers) {
    if (bad == current) {
      throw Error(Errc::kUnsupported,
                  cat("forbids readers of version ", current, " of its format, as this one is"));
    }
  }
}

Shape decode_shape(std::string_view bytes) {
  Shape shape;
  for (pbf_reader reader = reader_of(bytes); reader.next();) {
    switch (reader.tag_and_type()) {
      case tag_and_type(2, kBytes): {
        std::int64_t size = 0;
        for (pbf_reader dim = reader.get_message(); dim.next();) {
          if (dim.tag_and_type() == tag_and_type(1, kVarint)) {
            size = dim.get_int64();
          } else {
            dim.skip();
          }
        }
        if (size < 0) throw Error(Errc::kCorrupt, cat("its shape has the extent ", size));
        if (shape.size() == kMostDimensions) {
          throw Error(Errc::kCorrupt,
                      cat("its shape has more than ", kMostDimensions, " dimensions"));
        }
        shape.push_back(size);
        break;
      }
      case tag_and_type(3, kVarint):
        if (reader.get_bool()) throw Error(Errc::kCorrupt, "its shape is of unknown rank");
        break;
      default:
        reader.skip();
    }
  }
  return shape;
}

Slice decode_slice(std::string_view bytes) {
  Slice slice;
  for (pbf_reader reader = reader_of(bytes); reader.next();) {
    if (reader.tag_and_type() == tag_and_type(1, kBytes)) {
      if (slice.size() == kMostDimensions) {
        throw Error(Errc::kCorrupt, cat("a slice has more than ", kMostDimensions, " dimensions"));
      }
      slice.push_back(decode_extent(view_of(reader)));
    } else {
      reader.skip();
    }
  }
  return slice;
}

BundleHeader decode_header(std::string_view bytes) {
  BundleHeader header;
  decode_proto("the bundle's header", [&] {
    for (pbf_reader reader = reader_of(bytes); reader.next();) {
      switch (reader.tag_and_type()) {
        case tag_and_type(1, kVarint):
          header.num_shards = reader.get_int32();
          break;
        case tag_and_type(2, kVarint): {
          const std::int32_t endianness = reader.get_enum();
          if (endianness != 0 && endianness != 1) {
            throw Error(Errc::kCorrupt, cat("the bundle's header has the byte order ", endianness,
                                            "; 0 is little-endian and 1 big-endian"));
          }
          header.big_endian = endianness == 1;
          break;
        }
        case tag_and_type(3, kBytes):
          header.versions = decode_versions(view_of(reader));
          break;
        default:
          reader.skip();
      }
    }
  });
  return header;
}

BundleEntry decode_entry(std::string_view bytes) {
  BundleEntry entry;
  decode_proto("its entry in the index", [&] {
    for (pbf_reader reader = reader_of(bytes); reader.next();) {
      switch (reader.tag_and_type()) {
        case tag_and_type(1, kVarint):
          entry.type = reader.get_enum();
          break;
        case tag_and_type(2, kBytes):
          entry.shape = decode_shape(view_of(reader));
          break;
        case tag_and_type(3, kVarint):
          entry.shard = reader.get_int32();
          break;
        case tag_and_type(4, kVarint):
          entry.offset = reader.get_int64();
          break;
        case tag_and_type(5, kVarint):
          entry.size = reader.get_int64();
          break;
        case tag_and_type(6, kFixed32):
          entry.crc = reader.get_fixed32();
          break;
        case tag_and_type(7, kBytes):
          entry.slices.push_back(decode_slice(view_of(reader)));
          break;
        default:
          reader.skip();
      }
    }
  });
  return entry;
}

std::string with_shards(std::string_view header, std::int64_t count) {
  std::string bytes;
  pbf_writer(bytes).add_int32(1, static_cast<std::int32_t>(count));
  decode_proto("the bundle's header", [&] {
    pbf_reader reader = reader_of(header);
    for (const char* from = header.data(); reader.next(); from = reader.data().data()) {
      const bool is_count = reader.tag() == 1;
      reader.skip();
      if (!is_count) bytes.append(from, reader.data().data());
    }
  });
  return bytes;
}

std::string encode_header(const BundleHeader& header) {
  std::string bytes;
  pbf_writer writer(bytes);
  if (header.num_shards != 0) writer.add_int32(1, header.num_shards);
  if (header.big_endian) writer.add_enum(2, 1);
  std::string inner;
  pbf_writer versions(inner);
  if (header.versions.producer != 0) versions.add_int32(1, header.versions.producer);
  if (header.versions.min_consumer != 0) versions.add_int32(2, header.versions.min_consumer);
  if (!header.versions.bad_consumers.empty()) {
    versions.add_packed_int32(3, header.versions.bad_consumers.begin(),
                              header.versions.bad_consumers.end());
  }
  writer.add_message(3, inner);
  return bytes;
}

std::string encode_entry(const BundleEntry& entry) {
  std::string bytes;
  pbf_writer writer(bytes);
  if (entry.type != 0) writer.add_enum(1, entry.type);
  writer.add_message(2, encode_shape(entry.shape));
  if (entry.shard != 0) writer.add_int32(3, entry.shard);
  if (entry.offset != 0) writer.add_int64(4, entry.offset);
  if (entry.size != 0) writer.add_int64(5, entry.size);
  if (entry.crc != 0) writer.add_fixed32(6, entry.crc);
  for (const Slice& slice : entry.slices) writer.add_message(7, encode_slice(slice));
  return bytes;
}

}  // namespace ckpt::tf
