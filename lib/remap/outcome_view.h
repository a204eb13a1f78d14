#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "remap/receipt.h"

namespace ckpt {

// What a remap made of `source`, without the file that it wrote: the checkpoint that its receipt
// describes, names, shapes and values, computed from the source when they are asked for. Memory is
// what one changed variable and its sources need. `source` must outlive it.
// Throws Error(kConflict), listing them, where the receipt speaks of variables that the source has
// not, or has with another dtype or shape.
std::unique_ptr<Reader> view_outcome(const Reader& source, const Receipt& receipt);

// Of each name that a remap gave, the names it came from: "h/qkv" → "h/q", "h/k", "h/v". A variable
// that kept its name, though its values changed, is not among them.
std::map<std::string, std::vector<std::string>, std::less<>> origins_of(const Receipt& receipt);

}  // namespace ckpt
