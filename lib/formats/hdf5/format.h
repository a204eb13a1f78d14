#pragma once

#include "checkpoint/format.h"

namespace ckpt::hdf5 {

extern const Format kHdf5Format;

}  // namespace ckpt::hdf5
