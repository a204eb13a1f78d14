#pragma once

#include <memory>
#include <string>

#include "core/blocks.h"
#include "core/file.h"
#include "storage/change_record.h"
#include "storage/journal.h"

namespace ckpt::safetensors {

// The record of a change of a set of files (storage/change.h), which lies in the place of its index
// while the change is carried out. JSON, so that it is found where an index is looked for, and no
// program takes it for one:
//
//     {"ckpt_edit": {"note": …,
//                    "files": [{"file": SHARD, "before": STATE, "after": STATE,
//                               "waiting": FILE or "header": JSON TEXT}, …],
//                    "index": TEXT}}
//
// STATE is a Fingerprint; the header's length is its text's, in front of which it stands in the
// file.

bool is_set_record(const RandomFile& index);

// Throws Error(kIo) where it is one.
void refuse_set_record(const RandomFile& index);

// As a Change prints it. Throws Error(kUnsupported) where a text is no valid UTF-8.
void print_set_record(const ChangeRecord& record, Blocks& out);

// Of the set whose index is at `path`. Throws Error(kCorrupt) where it is damaged, or speaks of
// files that are not the set's: shards that the new index names, or that are called as its own; of
// those that go, the latter alone.
ChangeRecord parse_set_record(const RandomFile& file, const std::string& path);

// Format::recover.
Recovery recover_set(const LockedFile& index, Wait wait);

}  // namespace ckpt::safetensors
