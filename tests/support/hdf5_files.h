#pragma once

#include <map>
#include <string>
#include <vector>

#include "checkpoint/edit.h"
#include "checkpoint/format.h"

// What the tests of HDF5 edits share: h5py as the witness, and short forms of an edit.

// Each dataset's path with its dtype, shape, a digest of its bytes and its attributes, as h5py
// reads them: all hard links and soft links of all groups.
std::map<std::string, std::string> datasets_by_h5py(const std::string& path);

// "name" → what datasets_by_h5py() says of its place.
std::map<std::string, std::string> variables_of(const std::string& path);

// Throws where a Keras file contradicts itself: a layer without its group, a weight without its
// dataset, a reference to a layer that is not there. Gives the names of the layers, one a line.
std::string check_keras_file(const std::string& path);

ckpt::EditResult edit_file(const std::string& path, const std::string& target,
                           const ckpt::Edit& edit, const ckpt::EditOptions& options = {});

// Every name of the file that begins with `from`, moved to begin with `to`.
ckpt::Edit prefix_move(const std::string& path, const std::string& from, const std::string& to);
void add_prefix_move(ckpt::Edit& edit, const std::string& path, const std::string& from,
                     const std::string& to);

// "move a → b", a line an operation.
std::string operations_of(const ckpt::EditResult& result);
