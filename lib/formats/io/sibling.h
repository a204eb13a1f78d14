#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "storage/raw_file.h"

namespace ckpt {

// Files that an index names: they lie in its own folder and nowhere else.

// Throws Error(kCorrupt) where `name` is not a plain name of one file ("../x", "/x", "a/b").
void check_sibling_name(const std::string& name, std::string_view what);

// Opens `name` beside the file at `path`. `what` is the word for it in errors ("shard").
// Throws Error: what check_sibling_name() throws; kNotFound where it is not there; kUnsupported
// where it is a Git LFS pointer; what open_file() throws, with the name put in front.
std::unique_ptr<RandomFile> open_sibling(const std::string& path, const std::string& name,
                                         std::string_view what);

// What is to be said where a new file of several would take the place of one, and no index is
// beside it: it may be all that is left of somebody's checkpoint.
Error orphan();

// Throws Error(kUnsupported) where the file is no checkpoint but the text that Git LFS puts in its
// place.
void check_no_lfs_pointer(const RandomFile& file);

}  // namespace ckpt
