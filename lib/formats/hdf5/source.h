#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/rare_text.h"
#include "core/shape.h"
#include "formats/hdf5/claims.h"
#include "formats/hdf5/datatype.h"
#include "storage/byte_range.h"

namespace ckpt::hdf5 {

// The objects of an HDF5 file as plain data, and the one seam behind which something reads them:
// our own parser, or libhdf5 for what it decodes alone (chosen_source.h). Whoever stands behind it
// follows no link and opens no file: it says what links and storage there are, and code on this
// side decides.

struct Link {
  enum class Kind : std::uint8_t { kHard, kSoft, kExternal, kUserDefined };
  std::string name;     // one segment of a path; any bytes but NUL
  ObjectId object = 0;  // of a hard link
  RareText target;      // of a soft link the path, of an external one "FILE:PATH"
  Kind kind = Kind::kHard;
};

struct Filter {
  unsigned id = 0;
  std::string name;
  std::vector<unsigned> values;
  bool is_known = false;  // can what it encoded be decoded?
};

struct Storage {
  enum class Kind : std::uint8_t {
    kContiguous,   // at `offset`
    kCompact,      // in the object's header
    kChunked,      // in pieces of shape `chunk`, each through `filters`
    kExternal,     // in other files
    kVirtual,      // put together from other datasets
    kUnallocated,  // nowhere: all elements are the fill value
  };
  Kind kind = Kind::kUnallocated;
  std::uint64_t offset = 0;  // from the first byte of the file
  std::uint64_t bytes = 0;   // that are stored, as the file says
  Shape chunk;
  struct Chunk {
    std::uint64_t index = 0;    // in row-major order over the chunks that the extents need
    ByteRange place;            // from the first byte of the file
    std::uint32_t skipped = 0;  // bit n: filter n was not applied
  };
  std::vector<Chunk> chunks;  // that are stored, sorted by index
  std::vector<Filter> filters;
  std::vector<std::string> files;  // the other files of external and virtual storage
};

struct Dataset {
  Datatype type;
  bool is_null = false;                // has no dataspace: no elements, not even a shape
  std::vector<std::uint64_t> extents;  // as the file says them
  Storage storage;
};

struct Object {
  enum class Kind : std::uint8_t { kGroup, kDataset, kDatatype };
  Kind kind = Kind::kGroup;
  std::vector<Link> links;     // of a group, sorted by name
  bool has_attributes = true;  // false: it has none, and need not be asked for them
  Dataset dataset;
};

struct Attribute {
  std::string name;
  Datatype type;
  std::vector<std::uint64_t> extents;  // empty for a scalar
  bool is_null = false;
  std::vector<std::string> strings;  // of a string type: the elements, without padding
  Bytes bytes;                       // of another type: the elements as the file has them
};

class Source {
 public:
  virtual ~Source() = default;
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  [[nodiscard]] virtual ObjectId root() const = 0;

  // All of these throw Error(kCorrupt) where the file is damaged there.
  [[nodiscard]] virtual Object open(ObjectId id) const = 0;
  [[nodiscard]] virtual std::vector<std::string> attribute_names(ObjectId id) const = 0;
  [[nodiscard]] virtual std::optional<Attribute> attribute(ObjectId id,
                                                           const std::string& name) const = 0;

  // Reads elements [first, first + count) in row-major order, as the file has them, into `out`,
  // which has count × element size bytes. REQUIRES: the dataset's storage is inside the file and
  // its filters are known; the type has a fixed size.
  virtual void read(ObjectId id, std::uint64_t first, std::uint64_t count,
                    std::span<std::byte> out) const = 0;

  // What the last open() claimed for its object. A second source over the same file is told of it
  // by claim(), which throws Error(kCorrupt) where it knows another owner.
  [[nodiscard]] virtual std::span<const Claim> claims() const { return {}; }
  virtual void claim(const Claim& claim) const { static_cast<void>(claim); }

  // All that was looked at since the last open() began, from the first byte of the file; empty
  // where that is not remembered (SourceOptions::traced).
  [[nodiscard]] virtual std::span<const ByteRange> looked_at() const { return {}; }

  // Oddities that were met so far and did not stop the reading, a sentence each.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace ckpt::hdf5
