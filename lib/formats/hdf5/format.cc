#include "formats/hdf5/format.h"

#include "formats/h5parse/superblock.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5/upkeep.h"
#include "formats/hdf5/writer.h"
#include "formats/hdf5_edit/edit.h"
#include "formats/hdf5_edit/journal.h"

namespace ckpt::hdf5 {
namespace {

// Also a file whose signature is missing while an edit of it is carried out.
bool detect(const RandomFile& file) {
  return h5parse::find_signature(file).has_value() || is_interrupted(file);
}

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string& /*path*/,
                             const OpenOptions& options) {
  check_not_interrupted(*file);
  return open_hdf5(std::move(file), options);
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
    .recover = recover_hdf5,
    .upkeep = upkeep_hdf5,
};

}  // namespace ckpt::hdf5
