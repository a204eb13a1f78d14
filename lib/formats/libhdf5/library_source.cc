#include "formats/libhdf5/library_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "formats/hdf5/limits.h"

namespace ckpt::hdf5 {
namespace {

// libhdf5 keeps what it read of the metadata; this bounds it.
constexpr std::size_t kMetadataCache = std::size_t{1} << 20U;
// Decoded chunks of the dataset that is read: a row of chunks should fit, for reading by rows.
constexpr std::size_t kChunkCache = std::size_t{16} << 20U;
constexpr std::size_t kChunkSlots = 8191;  // a prime, as H5Pset_cache asks

std::string link_value(hid_t group, const char* name, const H5L_info_t& info) {
  if (info.u.val_size > kMaxNameBytes) {
    throw Error(Errc::kUnsupported, cat("a link's target of ", info.u.val_size, " bytes; at most ",
                                        kMaxNameBytes, " are read"));
  }
  std::vector<char> value(info.u.val_size + 1, '\0');
  check(H5Lget_val(group, name, value.data(), info.u.val_size, H5P_DEFAULT),
        "cannot read a link's target");
  if (info.type == H5L_TYPE_SOFT) return value.data();
  unsigned flags = 0;
  const char* file = nullptr;
  const char* path = nullptr;
  check(H5Lunpack_elink_val(value.data(), info.u.val_size, &flags, &file, &path),
        "cannot read an external link's target");
  return cat(file, ":", path);
}

Link link_of(hid_t group, const char* name, const H5L_info_t& info) {
  Link link;
  link.name = name;
  // The names of libhdf5's calls are paths; a segment that is none cannot be asked for.
  const bool can_ask = link.name.find('/') == std::string::npos && link.name != ".";
  if (info.type == H5L_TYPE_HARD) {
    link.object = info.u.address;
  } else if (info.type == H5L_TYPE_SOFT) {
    link.kind = Link::Kind::kSoft;
    if (can_ask) link.target = link_value(group, name, info);
  } else if (info.type == H5L_TYPE_EXTERNAL) {
    link.kind = Link::Kind::kExternal;
    if (can_ask) link.target = link_value(group, name, info);
  } else {
    link.kind = Link::Kind::kUserDefined;
    link.target = cat("type ", static_cast<int>(info.type));
  }
  return link;
}

herr_t take_link(hid_t group, const char* name, const H5L_info_t* info, void* data) noexcept {
  try {
    auto& links = *static_cast<std::vector<Link>*>(data);
    if (links.size() >= kMaxLinks) {
      throw Error(Errc::kUnsupported, cat("a group of more than ", kMaxLinks, " links"));
    }
    links.push_back(link_of(group, name, *info));
    return 0;
  } catch (...) {
    keep_exception(std::current_exception());
    return -1;
  }
}

struct Space {
  bool is_null = false;
  std::vector<std::uint64_t> extents;
};

Space space_of(hid_t space) {
  Space extent;
  const auto kind = H5Sget_simple_extent_type(space);
  if (kind == H5S_NO_CLASS) fail("cannot read the shape");
  extent.is_null = kind == H5S_NULL;
  if (kind != H5S_SIMPLE) return extent;
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const int rank =
      check(H5Sget_simple_extent_dims(space, extents.data(), nullptr), "cannot read the shape");
  extent.extents.assign(extents.begin(), extents.begin() + rank);
  return extent;
}

// Fixed-length text without its padding.
std::string fixed_string(const char* text, std::size_t size, H5T_str_t padding) {
  std::string_view view(text, size);
  if (padding == H5T_STR_SPACEPAD) {
    return std::string(view.substr(0, view.find_last_not_of(' ') + 1));
  }
  return std::string(view.substr(0, view.find('\0')));
}

void read_strings(hid_t attribute, hid_t type, hid_t space, std::size_t count,
                  std::vector<std::string>& out) {
  if (check(H5Tis_variable_str(type), "cannot read an attribute's datatype") > 0) {
    std::vector<char*> pointers(count, nullptr);
    check(H5Aread(attribute, type, pointers.data()), "cannot read an attribute");
    const auto reclaim = [&] { H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data()); };
    try {
      for (const char* pointer : pointers) out.emplace_back(pointer == nullptr ? "" : pointer);
    } catch (...) {
      reclaim();
      throw;
    }
    reclaim();
    return;
  }
  const std::size_t size = H5Tget_size(type);
  const auto padding = H5Tget_strpad(type);
  std::vector<char> buffer(count * size);
  check(H5Aread(attribute, type, buffer.data()), "cannot read an attribute");
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(fixed_string(buffer.data() + i * size, size, padding));
  }
}

// Calls `f` with boxes (start, count) that together are the elements [first, first + n) of a
// row-major array, in order: at most two for each dimension.
template <typename F>
void for_each_box(const std::vector<std::uint64_t>& extents, std::uint64_t first, std::uint64_t n,
                  const F& f) {
  const std::size_t rank = extents.size();
  std::vector<std::uint64_t> stride(rank, 1);
  for (std::size_t d = rank - 1; d > 0; --d) stride[d - 1] = stride[d] * extents[d];
  std::vector<hsize_t> start(rank);
  std::vector<hsize_t> count(rank);
  while (n > 0) {
    for (std::size_t d = 0; d < rank; ++d) start[d] = first / stride[d] % extents[d];
    // The outermost dimension whose whole slabs can be taken from here.
    std::size_t slab = rank - 1;
    while (slab > 0 && start[slab] == 0 && n >= stride[slab - 1]) --slab;
    const auto slabs = std::min<std::uint64_t>(n / stride[slab], extents[slab] - start[slab]);
    for (std::size_t d = 0; d < rank; ++d) count[d] = d < slab ? 1 : d == slab ? slabs : extents[d];
    f(start, count, slabs * stride[slab]);
    first += slabs * stride[slab];
    n -= slabs * stride[slab];
  }
}

}  // namespace

LibrarySource::LibrarySource(const RandomFile& file) : overlay_(&file) {
  const Session session;
  const Handle access = overlay_access(overlay_);
  H5AC_cache_config_t cache{};
  cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  check(H5Pget_mdc_config(access, &cache), "cannot read the cache's settings");
  cache.set_initial_size = 1;
  cache.initial_size = kMetadataCache / 4;
  cache.min_size = kMetadataCache / 4;
  cache.max_size = kMetadataCache;
  check(H5Pset_mdc_config(access, &cache), "cannot bound the cache");
  check(H5Pset_cache(access, 0, kChunkSlots, kChunkCache, 1.0), "cannot set the chunk cache");
  file_ = Handle(check(H5Fopen("/checkpoint", H5F_ACC_RDONLY, access), "cannot be opened"));
  H5O_info_t info;
  check(H5Oget_info2(file_, &info, H5O_INFO_BASIC), "cannot open the root group");
  root_ = info.addr;
}

LibrarySource::~LibrarySource() {
  const Session session;
  last_type_ = Handle();
  reading_dataset_ = Handle();
  file_ = Handle();
}

Handle LibrarySource::open_object(ObjectId id) const {
  return Handle(check(H5Oopen_by_addr(file_, id), "cannot open the object"));
}

Dataset LibrarySource::dataset_of(hid_t id) const {
  Dataset dataset;
  Handle type(check(H5Dget_type(id), "cannot read the datatype"));
  if (last_type_ < 0 || H5Tequal(type, last_type_) <= 0) {
    last_datatype_ = datatype_of(type);
    last_type_ = std::move(type);
  }
  dataset.type = last_datatype_;
  const Handle space(check(H5Dget_space(id), "cannot read the shape"));
  Space extent = space_of(space);
  dataset.is_null = extent.is_null;
  dataset.extents = std::move(extent.extents);
  dataset.storage = storage_of(id);
  return dataset;
}

Object LibrarySource::open(ObjectId id) const {
  const Session session;
  const Handle handle = open_object(id);
  Object object;
  switch (H5Iget_type(handle)) {
    case H5I_GROUP:
      check(H5Literate(handle, H5_INDEX_NAME, H5_ITER_INC, nullptr, take_link, &object.links),
            "cannot list the group");
      break;
    case H5I_DATASET:
      object.kind = Object::Kind::kDataset;
      object.dataset = dataset_of(handle);
      break;
    default:
      object.kind = Object::Kind::kDatatype;
      break;
  }
  return object;
}

std::vector<std::string> LibrarySource::attribute_names(ObjectId id) const {
  const Session session;
  const Handle object = open_object(id);
  return hdf5::attribute_names(object);
}

std::optional<Attribute> LibrarySource::attribute(ObjectId id, const std::string& name) const {
  const Session session;
  const Handle object = open_object(id);
  if (check(H5Aexists(object, name.c_str()), "cannot look for an attribute") == 0) return {};
  const Handle handle(
      check(H5Aopen(object, name.c_str(), H5P_DEFAULT), "cannot open an attribute"));
  const Handle type(check(H5Aget_type(handle), "cannot read an attribute's datatype"));
  const Handle space(check(H5Aget_space(handle), "cannot read an attribute's shape"));
  Attribute attribute;
  attribute.name = name;
  attribute.type = datatype_of(type);
  Space extent = space_of(space);
  attribute.is_null = extent.is_null;
  attribute.extents = std::move(extent.extents);
  std::optional<std::uint64_t> bytes = attribute.type.size;
  for (const auto n : attribute.extents) bytes = bytes ? checked_mul(*bytes, n) : bytes;
  if (!bytes || *bytes > kMaxAttributeBytes) {
    throw Error(Errc::kUnsupported,
                cat("attribute '", name, "' has more than ", kMaxAttributeBytes, " bytes"));
  }
  if (attribute.is_null || *bytes == 0) return attribute;
  const auto count = static_cast<std::size_t>(*bytes / attribute.type.size);
  if (attribute.type.klass == Datatype::Class::kString) {
    read_strings(handle, type, space, count, attribute.strings);
  } else if (check(H5Tdetect_class(type, H5T_VLEN), "cannot read an attribute's datatype") == 0) {
    attribute.bytes.resize(static_cast<std::size_t>(*bytes));
    check(H5Aread(handle, type, attribute.bytes.data()), "cannot read an attribute");
  }
  return attribute;
}

void LibrarySource::read(ObjectId id, std::uint64_t first, std::uint64_t count,
                         std::span<std::byte> out) const {
  const Session session;
  if (reading_ != id || reading_dataset_ < 0) {
    reading_dataset_ = Handle();
    reading_dataset_ = open_object(id);
    reading_ = id;
  }
  const hid_t dataset = reading_dataset_;
  const Handle type(check(H5Dget_type(dataset), "cannot read the datatype"));
  const Handle space(check(H5Dget_space(dataset), "cannot read the shape"));
  const std::size_t size = H5Tget_size(type);
  const Space extent = space_of(space);
  if (extent.extents.empty()) {
    check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()), "cannot read");
    return;
  }
  for_each_box(
      extent.extents, first, count,
      [&](const std::vector<hsize_t>& start, const std::vector<hsize_t>& box, hsize_t n) {
        check(
            H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, box.data(), nullptr),
            "cannot select elements");
        const Handle memory(check(H5Screate_simple(1, &n, nullptr), "cannot read"));
        check(H5Dread(dataset, type, memory, space, H5P_DEFAULT, out.data()), "cannot read");
        out = out.subspan(static_cast<std::size_t>(n) * size);
      });
}

}  // namespace ckpt::hdf5
