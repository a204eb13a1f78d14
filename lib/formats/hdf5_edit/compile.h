#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/edit.h"
#include "formats/hdf5_edit/naming.h"

namespace ckpt::hdf5 {

// An edit as operations on the file's structure, and what must come of them.
struct Work {
  std::vector<Operation> operations;  // views of the census, the wishes, the edit, and `strings`
  StringPool strings;
  LinkTree expected;                // soft links as they lead then
  std::vector<ObjectId> puts;       // in `expected`, of each Put
  std::vector<std::string> places;  // and their paths
  std::vector<std::string> notes;
};

// The fewest operations that bring everything of `links` to its place, in an order in which each is
// possible: a scope whose variables move alike is one move. New tensors are made first, so that
// they do not come to lie where a dropped one was; soft links that would lead elsewhere are set
// anew last. Throws Error(kConflict) where something that is no variable is in the way.
Work compile(LinkTree links, Naming naming, const Wishes& wishes, const Edit& edit);

// For reports.
EditOperations report_of(std::span<const Operation> operations);

}  // namespace ckpt::hdf5
