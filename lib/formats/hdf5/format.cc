#include "formats/hdf5/format.h"

#include "formats/hdf5/reader.h"
#include "formats/hdf5/superblock.h"

namespace ckpt::hdf5 {
namespace {

bool detect(const RandomFile& file) { return find_signature(file).has_value(); }

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string& /*path*/,
                             const OpenOptions& options) {
  return open_hdf5(std::move(file), options);
}

}  // namespace

const Format kHdf5Format{
    .name = "HDF5",
    .id = "hdf5",
    .separator = '/',
    .detect = detect,
    .open = open,
    .create = nullptr,
};

}  // namespace ckpt::hdf5
