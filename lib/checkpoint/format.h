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
#include "core/file.h"
#include "storage/journal.h"
#include "storage/locked_file.h"
#include "storage/new_file.h"

namespace ckpt {

struct OpenOptions {
  bool use_paths = false;  // entries are called by their place, whatever a layout would call them
  // Of a damaged file, what is whole: the rest is Index::lost instead of an Error. Where a format
  // cannot do that, an Error as ever.
  bool salvage = false;
  // An edit of the file was interrupted, and it is read as `ckpt recover` would leave it.
  bool was_interrupted = false;
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
  // sense for what is there; kUnsupported where the format or the layout cannot express it; kWrite
  // where the file is in use, is not what was planned on, or writing failed: it is as it was then;
  // kUnfinished where it is edited, or recovering finishes that, but something failed behind that.
  EditResult (*edit)(const std::string& path, const std::string& target, const Edit& edit,
                     const EditOptions& options) = nullptr;

  // Gives a file that was edited every byte back that it had before, or, under
  // EditOptions::plan_only, looks whether it could. Throws Error(kConflict), and changes nothing,
  // where the file is not what the edit left; kCorrupt where the undo data speaks of files that are
  // not the checkpoint's; else as `edit` in place.
  void (*undo)(const std::string& path, const Undo& undo, const EditOptions& options) = nullptr;

  // Where a file of a format that is edited under a journal (storage/journal.h) says that its data
  // ends, whatever is behind it; 0 where that cannot be told.
  std::uint64_t (*end_of_data)(const RandomFile& file) = nullptr;

  // Was a change of several files interrupted that this file decides? And finishes it, or takes it
  // back. Null where a checkpoint is one file.
  bool (*is_interrupted)(const RandomFile& file, const std::string& path) = nullptr;
  Recovery (*recover)(const LockedFile& file, Wait wait) = nullptr;

  // Looks through a file that `open` finds nothing wrong with. Throws what `open` throws.
  Upkeep (*upkeep)(const RandomFile& file) = nullptr;
};

}  // namespace ckpt
