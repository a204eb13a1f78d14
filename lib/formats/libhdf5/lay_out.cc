#include "formats/libhdf5/lay_out.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/libhdf5/overlay_driver.h"
#include "formats/libhdf5/stored_type.h"

namespace ckpt::hdf5 {
namespace {

constexpr std::int32_t kVersion = 1;  // of the native layout
// Metadata is allocated in blocks, apart from the tensors. About this much is needed for each name.
constexpr std::size_t kMetadataOfVariable = 400;
constexpr std::size_t kSmallestBlock = 2048;
constexpr std::size_t kLargestBlock = std::size_t{1} << 20U;

Handle make_properties(hid_t klass) {
  return Handle(check(H5Pcreate(klass), "cannot make a property list"));
}

void write_attribute(hid_t object, const char* name, hid_t type, hid_t space, const void* value) {
  const Handle attribute(check(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT),
                               "cannot make an attribute"));
  check(H5Awrite(attribute, type, value), "cannot write an attribute");
}

Handle scalar_space() { return Handle(check(H5Screate(H5S_SCALAR), "cannot make a dataspace")); }

void write_text(hid_t object, const char* name, const char* text) {
  write_attribute(object, name, text_type(), scalar_space(), &text);
}

class Drawing {
 public:
  explicit Drawing(Overlay& overlay, std::size_t metadata_block) {
    const Handle access = overlay_access(overlay);
    check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110), "cannot set versions");
    check(H5Pset_meta_block_size(access, metadata_block), "cannot set block sizes");
    const Handle creation = make_properties(H5P_FILE_CREATE);
    check(H5Pset_obj_track_times(creation, false), "cannot switch off timestamps");
    file_ = Handle(
        check(H5Fcreate("/checkpoint", H5F_ACC_TRUNC, creation, access), "cannot be laid out"));
    write_text(file_, "ckpt_format", "native");
    write_attribute(file_, "ckpt_version", H5T_STD_I32LE, scalar_space(), &kVersion);

    link_ = make_properties(H5P_LINK_CREATE);
    group_ = make_properties(H5P_GROUP_CREATE);
    check(H5Pset_obj_track_times(group_, false), "cannot switch off timestamps");
    dataset_ = make_properties(H5P_DATASET_CREATE);
    check(H5Pset_obj_track_times(dataset_, false), "cannot switch off timestamps");
    check(H5Pset_layout(dataset_, H5D_CONTIGUOUS), "cannot set the storage");
    // The place is fixed now, and nothing is written there: the tensors go past libhdf5.
    check(H5Pset_alloc_time(dataset_, H5D_ALLOC_TIME_EARLY), "cannot set the storage");
    check(H5Pset_fill_time(dataset_, H5D_FILL_TIME_NEVER), "cannot set the storage");
  }

  // An attribute of the root group.
  void add_text(const std::string& name, const std::string& text) {
    write_text(file_, name.c_str(), text.c_str());
  }

  void add_group(const std::string& path) {
    const Handle group(check(H5Gcreate2(file_, path.c_str(), link_of(path), group_, H5P_DEFAULT),
                             "cannot add a scope"));
  }

  // Gives the room of its data.
  ByteRange add_dataset(const std::string& path, const VariableSpec& spec) {
    const Handle type = stored_type(spec.dtype);
    std::vector<hsize_t> extents;
    for (const auto extent : spec.shape) extents.push_back(static_cast<hsize_t>(extent));
    const Handle space = extents.empty()
                             ? scalar_space()
                             : Handle(check(H5Screate_simple(static_cast<int>(extents.size()),
                                                             extents.data(), nullptr),
                                            "cannot make a dataspace"));
    const Handle dataset(
        check(H5Dcreate2(file_, path.c_str(), type, space, link_of(path), dataset_, H5P_DEFAULT),
              "cannot add a variable"));
    if (const char* name = opaque_name(spec.dtype)) write_text(dataset, "dtype", name);
    if (!spec.trainable) {
      const std::int8_t no = 0;
      write_attribute(dataset, "trainable", bool_type(), scalar_space(), &no);
    }
    if (!spec.collections.empty()) {
      std::vector<const char*> texts;
      for (const auto& collection : spec.collections) texts.push_back(collection.c_str());
      const hsize_t count = texts.size();
      const Handle list(check(H5Screate_simple(1, &count, nullptr), "cannot make a dataspace"));
      write_attribute(dataset, "collections", text_type(), list, texts.data());
    }
    const haddr_t offset = H5Dget_offset(dataset);
    return {offset == HADDR_UNDEF ? 0 : offset, H5Dget_storage_size(dataset)};
  }

  // Everything reaches the overlay now.
  void finish() { check(H5Fclose(file_.release()), "cannot be laid out"); }

 private:
  // Names that are UTF-8 say so, as h5py expects.
  hid_t link_of(const std::string& path) {
    check(H5Pset_char_encoding(link_, is_utf8(path) ? H5T_CSET_UTF8 : H5T_CSET_ASCII),
          "cannot set the encoding of a name");
    return link_;
  }

  Handle file_;
  Handle link_;
  Handle group_;
  Handle dataset_;
};

}  // namespace

void lay_out(const LayoutRequest& request, OutcomeWriter& out) {
  const auto& specs = request.specs;
  const auto& paths = request.paths;
  std::vector<std::size_t> order(specs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) -> const std::string& { return paths[i]; });
  std::set<std::string_view> groups;
  for (const std::string& path : paths) {
    for (auto at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      groups.insert(std::string_view(path).substr(0, at));
    }
  }

  const Session session;
  Overlay overlay(nullptr);
  std::vector<ByteRange> created(specs.size());
  const std::size_t names = specs.size() + groups.size();
  Drawing drawing(overlay, std::clamp(names * kMetadataOfVariable / kSmallestBlock * kSmallestBlock,
                                      kSmallestBlock, kLargestBlock));
  for (const auto& [name, text] : request.metadata) drawing.add_text(name, text);
  // A group comes before what is in it, since its path is shorter.
  for (const std::string_view group : groups) drawing.add_group(std::string(group));
  for (const std::size_t i : order) {
    try {
      created[i] = drawing.add_dataset(paths[i], specs[i]);
    } catch (const Error& e) {
      throw e.in(escape(specs[i].name));
    }
  }
  drawing.finish();
  write_outcome(nullptr, std::move(overlay), created, out);
}

}  // namespace ckpt::hdf5
