#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkup.h"
#include "checkpoint/edit.h"
#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "core/atomic_file.h"
#include "core/file.h"

namespace ckpt {

struct OpenOptions {
  bool use_paths = false;  // entries are called by their place, whatever a layout would call them
  // Of a damaged file, what is whole: the rest is Index::lost instead of an Error. Where a format
  // cannot do that, an Error as ever.
  bool salvage = false;
};

struct CreateOptions {
  Overwrite overwrite = Overwrite::kNo;
  std::uint64_t max_shard_bytes = 0;  // of a format of several files, each; 0 for one file of all
  // Of Format::holds_metadata: what the file says of itself; valid UTF-8 without NUL.
  Metadata metadata = {};
};

// A kind of checkpoint file: a row of the table in formats/formats.h. What a format cannot do is a
// null member.
struct Format {
  std::string_view name;  // "HDF5"
  std::string_view id;    // "hdf5": what the command line calls it
  char separator = '/';
  std::string_view suffixes;  // ".h5 .hdf5": how its files are called; never asked when one is read

  // Do these bytes belong to this format? Decided by content, never by a suffix.
  bool (*detect)(const RandomFile& file) = nullptr;

  // The file to open for `path`, where a checkpoint of this format is called by something else: a
  // prefix that is no file, a part whose bytes tell nothing. Asked where there is no file at `path`
  // or no format knows its bytes; empty where this format has no answer. Null in most formats.
  std::optional<std::string> (*resolve)(const std::string& path) = nullptr;

  // Reads and checks the index. `path` is where `file` was opened, for formats of several files.
  // Throws Error; a message does not name the file.
  std::unique_ptr<Reader> (*open)(std::unique_ptr<RandomFile> file, const std::string& path,
                                  const OpenOptions& options) = nullptr;

  bool holds_metadata = false;  // does `create` write CreateOptions::metadata?

  std::unique_ptr<Writer> (*create)(const std::string& path, std::vector<VariableSpec> specs,
                                    const CreateOptions& options) = nullptr;

  // Carries out `edit` on the checkpoint at `path`: to a new file `target`, or in place where that
  // is empty. Whatever happens, a kill or a full disk too, the file at `path` or `target` is then
  // the old one or the new one, whole. No Reader of the file may be open in place: it holds a lock.
  // Throws Error, without the file's name: kNotFound, kInvalid, kConflict where the edit makes no
  // sense for what is there; kUnsupported where the format or the layout cannot express it; kIo
  // where the file is in use; kWrite where writing failed and the file is as it was.
  EditResult (*edit)(const std::string& path, const std::string& target, const Edit& edit,
                     const EditOptions& options) = nullptr;

  // Gives a file that was edited every byte back that it had before. Throws Error(kConflict), and
  // changes nothing, where the file is not what the edit left; else as `edit` in place.
  void (*undo)(const std::string& path, const Undo& undo, InPlace how) = nullptr;

  // Finishes or undoes an edit in place that was interrupted: `open` refuses such a file. May be
  // called for any file of the format, again and again.
  Recovery (*recover)(const std::string& path) = nullptr;
  // Looks through a file that `open` finds nothing wrong with. Throws what `open` throws.
  Upkeep (*upkeep)(const RandomFile& file) = nullptr;
};

}  // namespace ckpt
