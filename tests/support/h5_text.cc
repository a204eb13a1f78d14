#include "support/h5_text.h"

#include <hdf5.h>

namespace ckpt::test {

std::string h5_text(const std::filesystem::path& path, const std::string& attribute) {
  std::string text;
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return text;
  if (H5Aexists(file, attribute.c_str()) > 0) {
    const hid_t id = H5Aopen(file, attribute.c_str(), H5P_DEFAULT);
    const hid_t type = H5Aget_type(id);
    if (H5Tis_variable_str(type) > 0) {
      char* value = nullptr;
      if (H5Aread(id, type, static_cast<void*>(&value)) >= 0 && value != nullptr) {
        text = value;
        H5free_memory(value);
      }
    } else {
      text.resize(H5Tget_size(type));
      if (H5Aread(id, type, text.data()) < 0) text.clear();
      text = text.substr(0, text.find('\0'));
    }
    H5Tclose(type);
    H5Aclose(id);
  }
  H5Fclose(file);
  return text;
}

}  // namespace ckpt::test
