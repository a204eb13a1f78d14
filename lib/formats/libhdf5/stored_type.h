#pragma once

#include "core/dtype.h"
#include "formats/libhdf5/library.h"

namespace ckpt::hdf5 {

// How tensors are stored: the types that h5py and Keras 3 use, little-endian. What HDF5 has no type
// for is opaque, and an attribute "dtype" says what it is. Throws Error(kInvalid) for a dtype that
// is no tensor. REQUIRES: a Session is held.
Handle stored_type(DType dtype);

// What the attribute "dtype" says; null for types that need none.
const char* opaque_name(DType dtype);

// Text as h5py writes it: variable length, UTF-8.
Handle text_type();

Handle bool_type();  // an enum FALSE, TRUE of one byte, as h5py has it

Handle copy_type(hid_t type);

}  // namespace ckpt::hdf5
