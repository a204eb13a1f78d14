#include "formats/libhdf5/overlay_driver.h"

#include <new>

#include <H5FDpublic.h>

namespace ckpt::hdf5 {
namespace {

// What libhdf5 holds for an open file. Its own part must come first.
struct DriverFile {
  H5FD_t library_part{};
  Overlay* overlay = nullptr;
  haddr_t end_of_addresses = 0;
};

DriverFile& cast(H5FD_t* file) { return *reinterpret_cast<DriverFile*>(file); }
const DriverFile& cast(const H5FD_t* file) { return *reinterpret_cast<const DriverFile*>(file); }

// The property list carries a pointer to the overlay.
void* copy_properties(const void* properties) {
  return new (std::nothrow) Overlay*(*static_cast<Overlay* const*>(properties));
}

herr_t free_properties(void* properties) {
  delete static_cast<Overlay**>(properties);
  return 0;
}

H5FD_t* open(const char* /*name*/, unsigned /*flags*/, hid_t access, haddr_t /*max*/) {
  const auto* properties = static_cast<Overlay* const*>(H5Pget_driver_info(access));
  if (properties == nullptr) return nullptr;
  auto* file = new (std::nothrow) DriverFile;
  if (file == nullptr) return nullptr;
  file->overlay = *properties;
  return &file->library_part;
}

herr_t close(H5FD_t* file) {
  delete &cast(file);
  return 0;
}

int compare(const H5FD_t* a, const H5FD_t* b) {
  const auto* first = cast(a).overlay;
  const auto* second = cast(b).overlay;
  return first < second ? -1 : static_cast<int>(first > second);
}

herr_t query(const H5FD_t* /*file*/, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA;
  return 0;
}

haddr_t end_of_addresses(const H5FD_t* file, H5FD_mem_t /*type*/) {
  return cast(file).end_of_addresses;
}

herr_t set_end_of_addresses(H5FD_t* file, H5FD_mem_t /*type*/, haddr_t end) {
  cast(file).end_of_addresses = end;
  return 0;
}

// Freed space at the end makes the file shorter, but not below the overlay's floor.
herr_t release(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address,
               hsize_t size) {
  DriverFile& self = cast(file);
  const bool is_last = address + size == self.end_of_addresses;
  if (is_last && address >= self.overlay->floor()) self.end_of_addresses = address;
  return 0;
}

// Room at the end of the file. Tensors are aligned here and not by H5Pset_alignment, with which
// libhdf5 remembers each gap and searches them all at each allocation: 100,000 variables
// took more than nine minutes.
haddr_t allocate(H5FD_t* file, H5FD_mem_t type, hid_t /*transfer*/, hsize_t size) {
  DriverFile& self = cast(file);
  haddr_t address = self.end_of_addresses;
  if (type == H5FD_MEM_DRAW) address = (address + kTensorAlignment - 1) & ~(kTensorAlignment - 1);
  self.end_of_addresses = address + size;
  return address;
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t /*type*/) { return cast(file).overlay->size(); }

// Runs `f`; an exception is kept for check().
template <typename F>
herr_t guarded(F&& f) noexcept {
  try {
    f();
    return 0;
  } catch (...) {
    keep_exception(std::current_exception());
    return -1;
  }
}

herr_t read(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address, size_t size,
            void* buffer) {
  return guarded(
      [&] { cast(file).overlay->read(address, std::span(static_cast<std::byte*>(buffer), size)); });
}

herr_t write(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address, size_t size,
             const void* buffer) {
  return guarded([&] {
    cast(file).overlay->write(address, std::span(static_cast<const std::byte*>(buffer), size));
  });
}

herr_t truncate(H5FD_t* file, hid_t /*transfer*/, hbool_t /*closing*/) {
  return guarded([&] { cast(file).overlay->resize(cast(file).end_of_addresses); });
}

H5FD_class_t make_class() {
  constexpr haddr_t kLastAddress = (haddr_t{1} << 62U) - 1;
  H5FD_class_t driver{};
  driver.name = "ckpt overlay";
  driver.maxaddr = kLastAddress;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(Overlay*);
  driver.fapl_copy = copy_properties;
  driver.fapl_free = free_properties;
  driver.open = open;
  driver.close = close;
  driver.cmp = compare;
  driver.query = query;
  driver.alloc = allocate;
  driver.free = release;
  driver.get_eoa = end_of_addresses;
  driver.set_eoa = set_end_of_addresses;
  driver.get_eof = end_of_file;
  driver.read = read;
  driver.write = write;
  driver.truncate = truncate;
  // Metadata and tensors are allocated apart from each other.
  constexpr H5FD_mem_t kKinds[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  for (int i = 0; i < H5FD_MEM_NTYPES; ++i) driver.fl_map[i] = kKinds[i];
  return driver;
}

}  // namespace

Handle overlay_access(Overlay& overlay) {
  // A property list keeps the driver's id alive, so it is registered for each list: no static id
  // that a caller's H5close() would leave dangling.
  static const H5FD_class_t driver_class = make_class();
  const Handle driver(check(H5FDregister(&driver_class), "cannot register the file driver"));
  Handle access(check(H5Pcreate(H5P_FILE_ACCESS), "cannot make a property list"));
  Overlay* const properties = &overlay;
  check(H5Pset_driver(access, driver, &properties), "cannot set the file driver");
  return access;
}

}  // namespace ckpt::hdf5
