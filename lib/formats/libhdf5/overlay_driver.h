#pragma once

#include "formats/libhdf5/library.h"
#include "formats/libhdf5/overlay.h"

namespace ckpt::hdf5 {

// The virtual file driver (H5FD_class_t of HDF5 1.10) through which libhdf5 sees an Overlay:
//
//     libhdf5 ── H5FD read/write ──→ Overlay ── read_at ──→ RandomFile ──→ the user's file
//                                       └── written pages stay here
//
// The driver has no path and opens none: files made through it cannot lead libhdf5 to another file
// by external links or external storage either, as long as those are not asked for.

// Where new tensors start: at multiples of this.
constexpr haddr_t kTensorAlignment = 64;

// A file access property list whose files are `overlay`, which must outlive them. The caller adds
// further properties. REQUIRES: a Session is held.
Handle overlay_access(Overlay& overlay);

}  // namespace ckpt::hdf5
