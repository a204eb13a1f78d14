#pragma once

#include "checkpoint/format.h"

namespace ckpt::keras {

// A whole model of Keras 3 (.keras): read and edited. Variables, their names and places are those
// of the HDF5 file inside; the model's config is its metadata.
extern const Format kFormat;

}  // namespace ckpt::keras
