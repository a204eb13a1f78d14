#include "formats/hdf5_helper/helper_folder.h"

namespace ckpt::hdf5 {

const char* const helper_folder = CKPT_HELPER_FOLDER;

}  // namespace ckpt::hdf5
