#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/format.h"

namespace ckpt {

// The table of formats. A new one is a row of it and its own file.
std::span<const Format* const> formats();

// The format of that id ("hdf5"); null where there is none.
const Format* find_format(std::string_view id);

// The format that is written to files called so, by the longest suffix that fits; null where there
// is none.
const Format* format_for_name(std::string_view path);

// The format of the file at `path`, by its bytes. Throws what open_checkpoint() throws for a file
// that cannot be opened or is of no known format.
const Format& detect_format(const std::string& path);

// Opens a checkpoint of any format, which its bytes decide. All Errors name `path` once:
// kNotFound, kIo as open_file() says; kUnsupported where no format knows the bytes, with what they
// look like; kCorrupt where the format's own reader refuses them.
std::unique_ptr<Reader> open_checkpoint(const std::string& path, const OpenOptions& options = {});

// A checkpoint whose file is locked, for those who plan an edit on what they find and then carry it
// out (EditOptions::locked).
struct LockedCheckpoint {
  const Format* format;
  std::string name;  // as it was asked for: what errors call it
  std::string path;  // of the file; where it is to be changed, the one that symbolic links lead to
  LockedFile file;
};

// Locks what `path` stands for. Throws what open_checkpoint() and LockedFile() throw.
LockedCheckpoint lock_checkpoint(const std::string& path, LockFor purpose, Wait wait);
std::unique_ptr<Reader> open_checkpoint(const LockedCheckpoint& locked,
                                        const OpenOptions& options = {});

// Finishes or takes back an edit in place of the file that was interrupted, whatever its format.
// What is locked for changing must be locked anew where there was one: another file may be in its
// place. Errors name `path` once. Throws Error: kNotFound, kIo, kWrite, kCorrupt.
Recovery recover_checkpoint(const std::string& path, Wait wait = kUsualWait);
Recovery recover_checkpoint(const LockedCheckpoint& locked, Wait wait = kUsualWait);

// Looks through a file that open_checkpoint() finds nothing wrong with, as its format does; nothing
// where that has no such thing.
Upkeep look_after(const std::string& path);

// Starts a checkpoint of `format`. Errors name `path` once, here and where the writer cannot write.
// Throws Error: kInvalid where the format cannot hold the specs; kWrite where it cannot be written,
// or exists and may not be overwritten; kUnsupported where the format is only read.
std::unique_ptr<Writer> create_checkpoint(const std::string& path, std::vector<VariableSpec> specs,
                                          const CreateOptions& options = {},
                                          std::string_view format = "hdf5");

}  // namespace ckpt
