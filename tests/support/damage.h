#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "checkpoint/format.h"

// What became of a file's damaged copies.
struct DamageCount {
  int refused = 0;  // an Error at opening or reading
  int read = 0;     // opened and read to the end
};

// Opens each copy of `bytes` that is cut at every length below its own, and reads all of its
// tensors. `check` sees each reader that opens; anything but an Error that is thrown goes on.
using Check = std::function<void(const ckpt::Reader& reader)>;
DamageCount cut_everywhere(const ckpt::Format& format, std::string_view bytes, const Check& check,
                           const std::string& path = "memory");

// The same of each copy in which one bit of the bytes [0, end) is other, or a whole byte is.
DamageCount flip_everywhere(const ckpt::Format& format, std::string_view bytes, std::size_t end,
                            const Check& check, const std::string& path = "memory");
