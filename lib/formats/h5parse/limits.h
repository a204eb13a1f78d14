#pragma once

#include <cstddef>
#include <cstdint>

#include "formats/hdf5/limits.h"

namespace ckpt::h5parse {

// Ceilings of this parser beside those that all HDF5 code shares (formats/hdf5/limits.h): far above
// what libhdf5 writes, low enough that a hostile file is answered soon.
constexpr std::size_t kMaxRank = 32;                  // dimensions; the format's own ceiling
constexpr std::size_t kMaxTreeDepth = 64;             // levels of a B-tree
constexpr std::size_t kMaxMessages = 65'535;          // of one object, all its header's blocks
constexpr std::uint64_t kMaxChunkBytes = 0xffffffff;  // the format's own ceiling before version 5
constexpr std::size_t kMaxNotes = 1000;               // oddities that are kept
constexpr std::size_t kChunkCacheBytes = std::size_t{16} << 20U;  // decoded, for reading by rows
// Deflate makes of n bytes at most this times n (zlib's "maximum expansion factor" is 1032).
constexpr std::uint64_t kMaxInflateRatio = 1040;

}  // namespace ckpt::h5parse
