#pragma once

#include <string>
#include <vector>

#include "checkpoint/reader.h"

namespace ckpt {

// What a file says of itself, when it becomes another one.
struct CarriedMetadata {
  Metadata carried;
  std::vector<std::string> notes;  // what stays behind, and why, a sentence each
};

// Decides it; `others` are Reader::other_metadata(), which no target holds. A target that `holds` none gets none. A Keras
// config speaks of layers by their names, so it goes only where those stay (`renamed` is false);
// what this program writes into its own files is written there anew; a target holds valid UTF-8
// without NUL.
CarriedMetadata carry_metadata(const Metadata& metadata, std::vector<std::string> others,
                               bool holds, bool renamed);

}  // namespace ckpt
