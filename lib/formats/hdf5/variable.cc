#include "formats/hdf5/variable.h"

#include <algorithm>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/limits.h"

namespace ckpt::hdf5 {
namespace {

Shape shape_of(const Dataset& dataset) {
  if (dataset.is_null) return {0};
  Shape shape;
  shape.reserve(dataset.extents.size());
  for (const std::uint64_t extent : dataset.extents) {
    const auto checked = checked_cast<std::int64_t>(extent);
    if (!checked) {
      throw Error(Errc::kCorrupt, cat("an extent of ", extent, "; at most 2^63 - 1 is possible"));
    }
    shape.push_back(*checked);
  }
  return shape;
}

std::optional<std::uint64_t> bytes_of(const Shape& shape, std::uint64_t element_size) {
  const auto elements = num_elements(shape);
  const auto size = checked_cast<std::int64_t>(element_size);
  if (!elements || !size) return std::nullopt;
  const auto bytes = checked_mul(static_cast<std::int64_t>(*elements), *size);
  return bytes ? std::optional(static_cast<std::uint64_t>(*bytes)) : std::nullopt;
}

// Data that the file says to be in one piece must be there, all of it.
void check_contiguous(const Storage& storage, const Shape& shape,
                      std::optional<std::uint64_t> needed, std::uint64_t file_size) {
  if (!needed) {
    throw Error(Errc::kCorrupt, cat("the shape ", to_string(shape),
                                    " needs more than 2^63 bytes, stored are ", storage.bytes));
  }
  if (storage.bytes < *needed) {
    throw Error(Errc::kCorrupt, cat("the shape ", to_string(shape), " needs ", *needed,
                                    " bytes, stored are ", storage.bytes));
  }
  if (storage.kind != Storage::Kind::kContiguous) return;
  const auto end = checked_add(storage.offset, storage.bytes);
  if (!end || *end > file_size) {
    throw Error(Errc::kCorrupt, cat("offset ", storage.offset, " + ", storage.bytes,
                                    " bytes passes the end of the file (", file_size, ")"));
  }
}

void note_storage(const std::string& path, const Storage& storage, const std::string& unknown,
                  Notes& notes) {
  const bool is_elsewhere =
      storage.kind == Storage::Kind::kExternal || storage.kind == Storage::Kind::kVirtual;
  if (!is_elsewhere && unknown.empty()) return;
  const std::string where = cat("/", escape(path), ": ");
  std::vector<std::string> files;
  for (const auto& file : storage.files) files.push_back(escape(file));
  if (storage.kind == Storage::Kind::kExternal) {
    notes.add("variables in other files",
              cat(where, "its data is in another file (", join(files, ", "),
                  "), which is not opened; it cannot be read"));
  } else if (storage.kind == Storage::Kind::kVirtual) {
    notes.add("virtual datasets",
              cat(where, "a virtual dataset, put together from others (", join(files, ", "),
                  "), which are not opened; it cannot be read"));
  } else {
    notes.add("variables with unknown filters",
              cat(where, "is encoded with a filter that is not known here, ", unknown,
                  "; it cannot be read"));
  }
}

std::string describe(const Filter& filter) {
  const std::string level = filter.values.empty() ? "" : cat(" ", filter.values[0]);
  switch (filter.id) {
    case 1:
      return cat("gzip", level);
    case 2:
      return "shuffle";
    case 3:
      return "fletcher32";
    case 4:
      return "szip";
    case 5:
      return "nbit";
    case 6:
      return "scale-offset";
    default:
      return filter.name.empty() ? cat("filter ", filter.id)
                                 : cat("filter ", filter.id, " '", escape(filter.name), "'");
  }
}

}  // namespace

std::string unknown_filters(const Storage& storage) {
  std::vector<std::string> words;
  for (const Filter& filter : storage.filters) {
    if (!filter.is_known) words.push_back(describe(filter));
  }
  return join(words, ", ");
}

std::string describe(const Storage& storage) {
  std::vector<std::string> files;
  for (const auto& file : storage.files) files.push_back(escape(file));
  switch (storage.kind) {
    case Storage::Kind::kContiguous:
      return cat("contiguous at ", storage.offset);
    case Storage::Kind::kCompact:
      return "compact";
    case Storage::Kind::kChunked: {
      std::string words = cat("chunked ", to_string(storage.chunk));
      for (const Filter& filter : storage.filters) words += cat(", ", describe(filter));
      return words;
    }
    case Storage::Kind::kExternal:
      return cat("in other files: ", join(files, ", "));
    case Storage::Kind::kVirtual:
      return cat("virtual, from ", join(files, ", "));
    case Storage::Kind::kUnallocated:
      return "not stored, all fill value";
  }
  return "";
}

Variable make_variable(const std::string& path, ObjectId id, const Dataset& dataset,
                       const std::string& dtype_attribute, std::uint64_t file_size, Notes& notes) {
  Variable variable;
  Entry& entry = variable.entry;
  Place& place = variable.place;
  const Storage& storage = dataset.storage;
  const Element element = interpret(dataset.type, dtype_attribute);
  entry.name = path;
  entry.shape = shape_of(dataset);
  entry.dtype = element.dtype;
  entry.native_dtype = element.native_dtype;
  const auto bytes = bytes_of(entry.shape, dataset.type.size);
  if (storage.kind == Storage::Kind::kContiguous || storage.kind == Storage::Kind::kCompact) {
    check_contiguous(storage, entry.shape, bytes, file_size);
  }
  if (!bytes) {
    // A size that no tensor can have, though nothing contradicts it: nothing is stored.
    entry.dtype = DType::kOther;
    entry.native_dtype = cat(describe(dataset.type), ", more than 2^63 bytes of it");
  } else if (is_numeric(entry.dtype)) {
    entry.nbytes = *bytes;
  }
  if (dataset.is_null) {
    entry.native_dtype = cat(describe(dataset.type), " without a dataspace");
  }
  place.object = id;
  place.kind = storage.kind;
  place.swap_unit = static_cast<std::uint8_t>(element.swap_unit);
  place.offset = storage.offset;
  const std::string unknown = unknown_filters(storage);
  place.has_unknown_filter = !unknown.empty();
  note_storage(path, storage, unknown, notes);
  return variable;
}

}  // namespace ckpt::hdf5
