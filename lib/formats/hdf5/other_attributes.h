#pragma once

#include <string>
#include <vector>

#include "formats/hdf5/source.h"

namespace ckpt::hdf5 {

// What the attributes of a file say beside the texts that Reader::metadata() has, in words, so that
// 100,000 of them are a line: "mean" for a number or list of the root group, "units of
// dense/kernel", "trainable of 41 variables and 3 scopes". Left out is what is known already: lists
// of names that a layout has read, a group's text that is the root's as well, and the name of a
// Keras layer that its path ends in.
std::vector<std::string> other_attributes(const Source& source);

}  // namespace ckpt::hdf5
