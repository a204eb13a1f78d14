#include "formats/hdf5/format.h"

#include "formats/h5parse/superblock.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5/upkeep.h"
#include "formats/hdf5/writer.h"
#include "formats/hdf5_edit/edit.h"
#include "storage/journal.h"

namespace ckpt::hdf5 {
namespace {

bool detect(const RandomFile& file) { return h5parse::find_signature(file).has_value(); }

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string& /*path*/,
                             const OpenOptions& options) {
  const std::uint64_t end = end_of_hdf5(*file);
  SettledFile settled = settle_torn(std::move(file), end);
  OpenOptions own = options;
  own.was_interrupted = own.was_interrupted || settled.was_interrupted;
  return open_hdf5(std::move(settled.file), own);
}

}  // namespace

const Format kHdf5Format{
    .name = "HDF5",
    .id = "hdf5",
    .separator = '/',
    .suffixes = ".h5 .hdf5",
    .detect = detect,
    .open = open,
    .holds_metadata = true,
    .create = create_hdf5,
    .edit = edit_hdf5,
    .undo = undo_hdf5,
    .end_of_data = end_of_hdf5,
    .upkeep = upkeep_hdf5,
};

}  // namespace ckpt::hdf5
