#include "formats/libhdf5/perform.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/libhdf5/overlay_driver.h"
#include "formats/libhdf5/stored_type.h"

namespace ckpt::hdf5 {
namespace {

// Is `name` the attribute `base` or a numbered part of it?
bool is_part_of(const std::string& name, const std::string& base) {
  return name.starts_with(base) &&
         name.find_first_not_of("0123456789", base.size()) == std::string::npos;
}

// For a new group of the kind of `group`. The settings are copied one by one: what
// H5Gget_create_plist gives also has the addresses of a large group's links (HDF5 1.10), and a
// group that is made with it shares them.
Handle properties_like(hid_t group) {
  constexpr std::string_view kWhat = "cannot copy a group's properties";
  const Handle old(check(H5Gget_create_plist(group), kWhat));
  Handle properties(check(H5Pcreate(H5P_GROUP_CREATE), kWhat));
  unsigned order = 0;
  check(H5Pget_link_creation_order(old, &order), kWhat);
  check(H5Pset_link_creation_order(properties, order), kWhat);
  unsigned most_compact = 0;
  unsigned least_dense = 0;
  check(H5Pget_link_phase_change(old, &most_compact, &least_dense), kWhat);
  check(H5Pset_link_phase_change(properties, most_compact, least_dense), kWhat);
  check(H5Pset_obj_track_times(properties, false), kWhat);
  return properties;
}

class Performer {
 public:
  explicit Performer(Overlay& overlay) {
    const Handle access = overlay_access(overlay);
    file_ = Handle(check(H5Fopen("/checkpoint", H5F_ACC_RDWR, access), "cannot be opened"));
    link_ = Handle(check(H5Pcreate(H5P_LINK_CREATE), "cannot make a property list"));
  }

  void run(const Operation& operation) {
    const std::string path(operation.path);  // libhdf5 wants a NUL at the end
    const std::string to(operation.to);
    switch (operation.kind) {
      case Operation::Kind::kMakeGroup:
        return make_group(path);
      case Operation::Kind::kMove:
        return move(path, to);
      case Operation::Kind::kRemove:
        check(H5Ldelete(file_, path.c_str(), H5P_DEFAULT), "cannot be removed");
        return;
      case Operation::Kind::kLink:
        check(H5Ldelete(file_, path.c_str(), H5P_DEFAULT), "cannot be removed");
        check(H5Lcreate_soft(to.c_str(), file_, path.c_str(), link_called(path, H5T_CSET_ASCII),
                             H5P_DEFAULT),
              "cannot make a soft link");
        return;
      case Operation::Kind::kTexts:
        return set_texts(path, to, operation);
      case Operation::Kind::kCreate:
        return create(path, operation);
      case Operation::Kind::kCopyAttributes:
        return copy_attributes(path, to);
    }
    throw Error(Errc::kCorrupt, "an operation of an unknown kind");
  }

  void finish() { check(H5Fclose(file_.release()), "cannot be finished"); }

  [[nodiscard]] const std::vector<ByteRange>& created() const { return created_; }

 private:
  [[nodiscard]] Handle open(const std::string& path) const {
    return Handle(
        check(H5Oopen(file_, path.empty() ? "/" : path.c_str(), H5P_DEFAULT), "cannot be opened"));
  }

  // For a link of that name; `before` is the character set that its name had.
  hid_t link_called(const std::string& path, H5T_cset_t before) {
    const bool is_text = !is_ascii(path) && is_utf8(path);
    check(H5Pset_char_encoding(link_, is_text ? H5T_CSET_UTF8 : before),
          "cannot set the encoding of a name");
    return link_;
  }

  void make_group(const std::string& path) {
    const auto slash = path.rfind('/');
    const Handle above = open(slash == std::string::npos ? "" : path.substr(0, slash));
    const Handle properties = properties_like(above);
    const Handle group(check(
        H5Gcreate2(file_, path.c_str(), link_called(path, H5T_CSET_ASCII), properties, H5P_DEFAULT),
        "cannot be made"));
  }

  void move(const std::string& from, const std::string& to) {
    H5L_info_t info;
    check(H5Lget_info(file_, from.c_str(), &info, H5P_DEFAULT), "is not there");
    check(H5Lmove(file_, from.c_str(), file_, to.c_str(), link_called(to, info.cset), H5P_DEFAULT),
          cat("cannot be moved to /", escape(to)));
  }

  void create(const std::string& path, const Operation& operation) {
    const Handle type = stored_type(operation.dtype);
    std::vector<hsize_t> extents;
    for (const auto extent : operation.shape) extents.push_back(static_cast<hsize_t>(extent));
    const Handle space(check(extents.empty() ? H5Screate(H5S_SCALAR)
                                             : H5Screate_simple(static_cast<int>(extents.size()),
                                                                extents.data(), nullptr),
                             "cannot make a dataspace"));
    const Handle properties(check(H5Pcreate(H5P_DATASET_CREATE), "cannot make a property list"));
    check(H5Pset_obj_track_times(properties, false), "cannot switch off timestamps");
    check(H5Pset_layout(properties, H5D_CONTIGUOUS), "cannot set the storage");
    // Its room is found now and filled later, past libhdf5.
    check(H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY), "cannot set the storage");
    check(H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER), "cannot set the storage");
    const Handle dataset(
        check(H5Dcreate2(file_, path.c_str(), type, space, link_called(path, H5T_CSET_ASCII),
                         properties, H5P_DEFAULT),
              "cannot be made"));
    if (const char* name = opaque_name(operation.dtype)) {
      const Handle text = text_type();
      const Handle one(check(H5Screate(H5S_SCALAR), "cannot make a dataspace"));
      write(dataset, "dtype", text, one, &name);
    }
    const haddr_t offset = H5Dget_offset(dataset);
    created_.push_back({offset == HADDR_UNDEF ? 0 : offset, H5Dget_storage_size(dataset)});
  }

  static void write(hid_t object, const std::string& name, hid_t type, hid_t space,
                    const void* values) {
    const Handle attribute(
        check(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
              "cannot make an attribute"));
    check(H5Awrite(attribute, type, values), "cannot write an attribute");
  }

  void copy_attributes(const std::string& from, const std::string& to) const {
    const Handle source = open(from);
    const Handle target = open(to);
    for (const auto& name : attribute_names(source)) {
      // "dtype" tells the type, which may be another one now.
      if (name == "dtype" || check(H5Aexists(target, name.c_str()), "cannot be read") > 0) continue;
      const Handle attribute(check(H5Aopen(source, name.c_str(), H5P_DEFAULT), "cannot be read"));
      const Handle type(check(H5Aget_type(attribute), "cannot be read"));
      const Handle space(check(H5Aget_space(attribute), "cannot be read"));
      std::vector<std::byte> values(static_cast<std::size_t>(H5Aget_storage_size(attribute)) +
                                    H5Tget_size(type));
      const bool has_values = H5Aget_storage_size(attribute) > 0;
      if (has_values) check(H5Aread(attribute, type, values.data()), "cannot be read");
      const Handle copy(
          check(H5Acreate2(target, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                "cannot make an attribute"));
      if (has_values) check(H5Awrite(copy, type, values.data()), "cannot write an attribute");
      if (has_values) H5Dvlen_reclaim(type, space, H5P_DEFAULT, values.data());
    }
  }

  // How the texts of an attribute are stored.
  struct TextKind {
    bool is_variable = false;
    bool is_scalar = false;
    H5T_cset_t encoding = H5T_CSET_ASCII;
    H5T_str_t padding = H5T_STR_NULLPAD;
  };

  static TextKind kind_of(hid_t object, const std::string& name) {
    const Handle attribute(check(H5Aopen(object, name.c_str(), H5P_DEFAULT), "cannot be read"));
    const Handle type(check(H5Aget_type(attribute), "cannot be read"));
    const Handle space(check(H5Aget_space(attribute), "cannot be read"));
    TextKind kind;
    kind.is_scalar = H5Sget_simple_extent_type(space) == H5S_SCALAR;
    if (H5Tget_class(type) != H5T_STRING) return kind;  // an empty list has NumPy's default, f64
    kind.is_variable = check(H5Tis_variable_str(type), "cannot be read") > 0;
    kind.encoding = H5Tget_cset(type);
    kind.padding = H5Tget_strpad(type);
    return kind;
  }

  void set_texts(const std::string& path, const std::string& list,
                 const Operation& operation) const {
    const Handle object = open(path);
    TextKind kind;
    bool is_first = true;
    for (const auto& name : attribute_names(object)) {
      if (!is_part_of(name, list)) continue;
      if (is_first) kind = kind_of(object, name);
      is_first = false;
      check(H5Adelete(object, name.c_str()), "cannot remove an attribute");
    }
    for (std::size_t i = 0; i < operation.parts.size(); ++i) {
      const std::string name = operation.is_divided ? cat(list, i) : list;
      write_texts(object, name, kind, operation.parts[i]);
    }
  }

  static void write_texts(hid_t object, const std::string& name, const TextKind& kind,
                          const std::vector<std::string>& texts) {
    const hsize_t count = texts.size();
    const Handle space(
        check(kind.is_scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr),
              "cannot make a dataspace"));
    const Handle type = copy_type(H5T_C_S1);
    std::size_t size = 1;
    for (const auto& text : texts) size = std::max(size, text.size());
    if (kind.padding == H5T_STR_NULLTERM) ++size;
    check(H5Tset_size(type, kind.is_variable ? H5T_VARIABLE : size), "cannot make a datatype");
    check(H5Tset_cset(type, kind.encoding), "cannot make a datatype");
    check(H5Tset_strpad(type, kind.padding), "cannot make a datatype");
    if (kind.is_variable) {
      std::vector<const char*> pointers;
      for (const auto& text : texts) pointers.push_back(text.c_str());
      if (texts.empty()) pointers.push_back(nullptr);
      write(object, name, type, space, pointers.data());
      return;
    }
    const char filler = kind.padding == H5T_STR_SPACEPAD ? ' ' : '\0';
    std::string buffer(size * std::max<std::size_t>(1, texts.size()), filler);
    for (std::size_t i = 0; i < texts.size(); ++i)
      buffer.replace(i * size, texts[i].size(), texts[i]);
    write(object, name, type, space, buffer.data());
  }

  Handle file_;
  Handle link_;
  std::vector<ByteRange> created_;
};

}  // namespace

void perform(const RandomFile& file, const EditRequest& request, OutcomeWriter& out) {
  const Session session;
  Overlay overlay(&file);
  overlay.set_floor(file.size());
  std::vector<ByteRange> created;
  {
    Performer performer(overlay);
    for_each_operation(request, [&](const Operation& operation) {
      try {
        performer.run(operation);
      } catch (const Error& e) {
        throw e.in(cat("/", escape(operation.path)));
      }
    });
    created = performer.created();
    performer.finish();
  }
  write_outcome(&file, std::move(overlay), created, out);
}

}  // namespace ckpt::hdf5
