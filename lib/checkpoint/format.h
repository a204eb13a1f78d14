#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "core/atomic_file.h"
#include "core/file.h"

namespace ckpt {

struct OpenOptions {
  bool use_paths = false;  // entries are called by their place, whatever a layout would call them
};

struct CreateOptions {
  Overwrite overwrite = Overwrite::kNo;
};

// A kind of checkpoint file: a row of the table in formats/formats.h. What a format cannot do is a
// null member.
struct Format {
  std::string_view name;  // "HDF5"
  std::string_view id;    // "hdf5": what the command line calls it
  char separator = '/';

  // Do these bytes belong to this format? Decided by content, never by a suffix.
  bool (*detect)(const RandomFile& file) = nullptr;

  // Reads and checks the index. `path` is where `file` was opened, for formats of several files.
  // Throws Error; a message does not name the file.
  std::unique_ptr<Reader> (*open)(std::unique_ptr<RandomFile> file, const std::string& path,
                                  const OpenOptions& options) = nullptr;

  std::unique_ptr<Writer> (*create)(const std::string& path, std::vector<VariableSpec> specs,
                                    const CreateOptions& options) = nullptr;
};

}  // namespace ckpt
