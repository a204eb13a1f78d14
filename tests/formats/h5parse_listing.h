#pragma once

#include <string>
#include <vector>

#include "core/file.h"

// An HDF5 file in lines of text: each object under the first path that leads to it, each link that
// is not followed, each attribute; types, shapes, and CRC-32s of the stored bytes or texts. Written
// twice, by our parser and by h5py, so that the two can be compared.
//
//     group PATH
//     link PATH soft TARGET
//     dataset PATH TYPE SHAPE CRC
//     attribute PATH NAME TYPE SHAPE CRC
//
// Paths and names are in hexadecimal. A file that cannot be read is one line, "error".
std::string parser_listing(const std::string& path);
std::string parser_listing(const ckpt::RandomFile& file);

// The same by one Python process for many files; [i] belongs to paths[i].
std::vector<std::string> h5py_listings(const std::vector<std::string>& paths);
