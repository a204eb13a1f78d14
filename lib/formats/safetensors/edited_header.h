#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/edit/wishes.h"
#include "formats/safetensors/header.h"

namespace ckpt::safetensors {

// A file's header after an edit, and where the bytes of its data come from.
struct EditedHeader {
  struct Part {
    std::uint32_t from = 0;  // a tensor of the old header, or a put
    std::uint32_t row = 0;   // in the new header
    bool is_put = false;
  };
  Header header;             // ranges as they will be; names are the wishes' and the puts'
  std::vector<Part> parts;   // in the order of the data
  bool is_data_same = true;  // every range is where it was
};

// Drops, moves and puts as `wishes` and `edit` say; rows keep the header's order, a put has the
// place of what it replaces. Data keeps its order too, unless there are new tensors: then larger
// types go first, so that all stay aligned. Throws Error(kInvalid), naming each, for names and
// types that the format does not have.
EditedHeader edit_header(const Header& old, const Wishes& wishes, const Edit& edit);

}  // namespace ckpt::safetensors
