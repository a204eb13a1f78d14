// The parts of library_source.h that turn libhdf5's datatypes and property lists into plain data.
#include <algorithm>
#include <array>
#include <memory>

#include "core/error.h"
#include "core/text.h"
#include "formats/hdf5/limits.h"
#include "formats/libhdf5/library_source.h"

namespace ckpt::hdf5 {
namespace {

using Class = Datatype::Class;

Class class_of_type(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return Class::kInteger;
    case H5T_FLOAT:
      return Class::kFloat;
    case H5T_TIME:
      return Class::kTime;
    case H5T_STRING:
      return Class::kString;
    case H5T_BITFIELD:
      return Class::kBitfield;
    case H5T_OPAQUE:
      return Class::kOpaque;
    case H5T_COMPOUND:
      return Class::kCompound;
    case H5T_REFERENCE:
      return Class::kReference;
    case H5T_ENUM:
      return Class::kEnum;
    case H5T_VLEN:
      return Class::kVariableLength;
    case H5T_ARRAY:
      return Class::kArray;
    case H5T_NO_CLASS:
    case H5T_NCLASSES:
      break;
  }
  fail("cannot read the datatype");
}

struct LibraryFree {
  void operator()(void* memory) const { H5free_memory(memory); }
};
using LibraryText = std::unique_ptr<char, LibraryFree>;

Datatype read_type(hid_t id, int depth);

void read_bits(hid_t id, Datatype& type) {
  const auto order = H5Tget_order(id);
  type.big_endian = order == H5T_ORDER_BE;
  type.odd_order = order != H5T_ORDER_BE && order != H5T_ORDER_LE;
  type.precision = H5Tget_precision(id);
  type.bit_offset =
      static_cast<std::uint64_t>(check(H5Tget_offset(id), "cannot read the datatype"));
}

void read_float(hid_t id, Datatype& type) {
  std::size_t sign = 0, exponent = 0, exponent_size = 0, mantissa = 0, mantissa_size = 0;
  check(H5Tget_fields(id, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size),
        "cannot read the datatype");
  type.fields = {sign,
                 exponent,
                 exponent_size,
                 mantissa,
                 mantissa_size,
                 H5Tget_ebias(id),
                 H5Tget_norm(id) == H5T_NORM_IMPLIED};
}

// Names of a compound or an enum, their types or values.
void read_members(hid_t id, Datatype& type, int depth) {
  const int count = check(H5Tget_nmembers(id), "cannot read the datatype");
  if (count > kMaxTypeMembers) {
    throw Error(Errc::kUnsupported,
                cat("a datatype of ", count, " members; at most ", kMaxTypeMembers, " are read"));
  }
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    Datatype::Member member;
    const LibraryText name(H5Tget_member_name(id, i));
    if (!name) fail("cannot read the datatype");
    member.name = name.get();
    if (type.klass == Class::kCompound) {
      member.offset = H5Tget_member_offset(id, i);
      const Handle of_member(check(H5Tget_member_type(id, i), "cannot read the datatype"));
      member.type = read_type(of_member, depth + 1);
    } else if (type.size <= sizeof(member.value) && !type.base.empty()) {
      std::array<unsigned char, sizeof(member.value)> value{};
      check(H5Tget_member_value(id, i, value.data()), "cannot read the datatype");
      std::uint64_t number = 0;
      for (std::size_t k = 0; k < type.size; ++k) {
        number |= std::uint64_t{value[type.base[0].big_endian ? type.size - 1 - k : k]} << 8 * k;
      }
      const unsigned spare = static_cast<unsigned>(64 - 8 * type.size);
      member.value = type.base[0].is_signed ? static_cast<std::int64_t>(number << spare) >> spare
                                            : static_cast<std::int64_t>(number);
    }
    type.members.push_back(std::move(member));
  }
}

Datatype read_type(hid_t id, int depth) {
  Datatype type;
  type.size = H5Tget_size(id);
  if (type.size == 0) fail("the datatype has elements of 0 bytes");
  if (depth > kMaxTypeDepth) return type;
  type.klass = class_of_type(id);
  const auto read_base = [&] {
    const Handle base(check(H5Tget_super(id), "cannot read the datatype"));
    type.base.push_back(read_type(base, depth + 1));
  };
  switch (type.klass) {
    case Class::kInteger:
      read_bits(id, type);
      type.is_signed = H5Tget_sign(id) == H5T_SGN_2;
      break;
    case Class::kFloat:
      read_bits(id, type);
      read_float(id, type);
      break;
    case Class::kBitfield:
      read_bits(id, type);
      break;
    case Class::kString:
      type.variable_string = check(H5Tis_variable_str(id), "cannot read the datatype") > 0;
      break;
    case Class::kOpaque: {
      const LibraryText tag(H5Tget_tag(id));
      if (tag) type.tag = tag.get();
      break;
    }
    case Class::kCompound:
      read_members(id, type, depth);
      break;
    case Class::kEnum:
      read_base();
      read_members(id, type, depth);
      break;
    case Class::kVariableLength:
      read_base();
      break;
    case Class::kArray: {
      std::array<hsize_t, H5S_MAX_RANK> extents{};
      const int rank = check(H5Tget_array_dims2(id, extents.data()), "cannot read the datatype");
      type.array.assign(extents.begin(), extents.begin() + rank);
      read_base();
      break;
    }
    case Class::kTime:
    case Class::kReference:
    case Class::kUnknown:
      break;
  }
  return type;
}

std::vector<Filter> filters_of(hid_t properties) {
  const int count = check(H5Pget_nfilters(properties), "cannot read the filters");
  if (count > kMaxFilters) {
    throw Error(Errc::kUnsupported,
                cat(count, " filters one after another; at most ", kMaxFilters, " are read"));
  }
  std::vector<Filter> filters;
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    std::array<char, 64> name{};
    std::array<unsigned, 32> values{};
    std::size_t value_count = values.size();
    unsigned flags = 0;
    unsigned config = 0;
    const auto id = check(H5Pget_filter2(properties, i, &flags, &value_count, values.data(),
                                         name.size() - 1, name.data(), &config),
                          "cannot read a filter");
    Filter filter;
    filter.id = static_cast<unsigned>(id);
    filter.name = name.data();
    value_count = std::min(value_count, values.size());
    filter.values.assign(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(value_count));
    // Deflate upon deflate is no writer's habit, but a bomb's: kilobytes that grow to gigabytes.
    const bool is_repeated = std::ranges::find(filters, filter.id, &Filter::id) != filters.end();
    filter.is_known = H5Zfilter_avail(id) > 0 && !is_repeated;
    filters.push_back(std::move(filter));
  }
  return filters;
}

std::vector<std::string> external_files(hid_t properties, int count) {
  constexpr std::size_t kLongestPath = 4096;
  std::vector<std::string> files;
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    std::vector<char> name(kLongestPath, '\0');
    off_t offset = 0;
    hsize_t size = 0;
    check(H5Pget_external(properties, i, name.size() - 1, name.data(), &offset, &size),
          "cannot read the names of external files");
    files.emplace_back(name.data());
  }
  return files;
}

std::vector<std::string> virtual_files(hid_t properties) {
  constexpr std::size_t kNamed = 4;  // enough to tell where it leads
  std::size_t count = 0;
  check(H5Pget_virtual_count(properties, &count), "cannot read the virtual dataset");
  std::vector<std::string> files;
  for (std::size_t i = 0; i < std::min(count, kNamed); ++i) {
    std::array<char, 1024> name{};
    check(H5Pget_virtual_filename(properties, i, name.data(), name.size() - 1),
          "cannot read the virtual dataset");
    files.emplace_back(name.data());
  }
  return files;
}

// H5Dget_storage_size answers 0 for nothing stored and for a damaged index alike; the error stack
// tells them apart.
std::uint64_t stored_bytes(hid_t dataset) {
  const hsize_t bytes = H5Dget_storage_size(dataset);
  if (bytes == 0 && H5Eget_num(H5E_DEFAULT) > 0) fail("cannot read where the data is stored");
  return bytes;
}

}  // namespace

Datatype datatype_of(hid_t type) { return read_type(type, 0); }

Storage storage_of(hid_t dataset) {
  Storage storage;
  // Only contiguous data inside the file has an offset. It needs no property list, which costs more
  // than all else here.
  const haddr_t offset = H5Dget_offset(dataset);
  if (offset != HADDR_UNDEF) {
    storage.kind = Storage::Kind::kContiguous;
    storage.offset = offset;
    storage.bytes = stored_bytes(dataset);
    return storage;
  }
  const Handle properties(check(H5Dget_create_plist(dataset), "cannot read the storage"));
  switch (H5Pget_layout(properties)) {
    case H5D_COMPACT:
      storage.kind = Storage::Kind::kCompact;
      storage.bytes = stored_bytes(dataset);
      break;
    case H5D_CONTIGUOUS: {
      const int files = check(H5Pget_external_count(properties), "cannot read the storage");
      if (files > 0) {
        storage.kind = Storage::Kind::kExternal;
        storage.files = external_files(properties, files);
      }
      break;
    }
    case H5D_CHUNKED: {
      storage.kind = Storage::Kind::kChunked;
      storage.bytes = stored_bytes(dataset);
      std::array<hsize_t, H5S_MAX_RANK> chunk{};
      const int rank =
          check(H5Pget_chunk(properties, H5S_MAX_RANK, chunk.data()), "cannot read the chunks");
      for (int d = 0; d < rank; ++d) {
        storage.chunk.push_back(static_cast<std::int64_t>(chunk[static_cast<std::size_t>(d)]));
      }
      storage.filters = filters_of(properties);
      break;
    }
    case H5D_VIRTUAL:
      storage.kind = Storage::Kind::kVirtual;
      storage.files = virtual_files(properties);
      break;
    case H5D_LAYOUT_ERROR:
    case H5D_NLAYOUTS:
      fail("cannot read the storage");
  }
  return storage;
}

}  // namespace ckpt::hdf5
