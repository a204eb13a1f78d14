#pragma once

#include <cstdint>
#include <optional>

#include "core/file.h"

namespace ckpt::hdf5 {

// The first structure of an HDF5 file (HDF5 File Format Specification 3.0, section II.A). It lies
// at offset 0, 512, 1024, 2048, …, behind a user block of that size.
//
//     offset  versions 0, 1                      versions 2, 3
//      0      "\211HDF\r\n\032\n"                "\211HDF\r\n\032\n"
//      8      version, 0, 0, 0, 0                version, size of offsets, of lengths, flags
//     13      size of offsets, of lengths, 0     base, extension, end of file, root, checksum
//     16      leaf K, internal K, flags [, K, 0]
//     24|28   base, free space, end of file, driver, root entry
struct Superblock {
  std::uint64_t offset = 0;  // of the signature; all addresses in the file count from it
  unsigned version = 0;
  unsigned flags = 0;             // file consistency flags
  std::uint64_t end_of_file = 0;  // how long the file should be, from its first byte
};

// Where the signature is, empty where there is none at any of its places.
std::optional<std::uint64_t> find_signature(const RandomFile& file);

// Throws Error: kCorrupt where the superblock is damaged or the file shorter than it says;
// kUnsupported for another version; kIo where a program that writes the file has not closed it.
Superblock read_superblock(const RandomFile& file);

}  // namespace ckpt::hdf5
