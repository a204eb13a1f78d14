#pragma once

#include <string>

#include "formats/hdf5/source.h"

namespace ckpt::hdf5 {

// An attribute's value for people: text as it is, lists in brackets, numbers in their shortest
// form, and where it is neither, its datatype in words. Long values are cut and say how long they
// are.
std::string describe(const Attribute& attribute);

}  // namespace ckpt::hdf5
