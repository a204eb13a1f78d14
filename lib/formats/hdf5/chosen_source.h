#pragma once

#include <memory>

#include "core/file.h"
#include "formats/hdf5/source.h"

namespace ckpt::hdf5 {

// The one place that chooses who reads an HDF5 file. That is our own parser (formats/h5parse),
// which no file has brought down. libhdf5, in a process of its own (hdf5_helper/), is asked for one
// thing only: the elements of datasets whose filters are szip, n-bit or scale-offset, after the
// parser has found everything about them sound. Other structures that the parser does not know stay
// Error(kUnsupported). `file` must outlive the source. Throws Error.
struct SourceOptions {
  bool salvage = false;  // damage becomes notes where the parser can go on
  bool traced = false;   // looked_at() tells
};
std::unique_ptr<Source> open_source(const RandomFile& file, SourceOptions options = {});

}  // namespace ckpt::hdf5
