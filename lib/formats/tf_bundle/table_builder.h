#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ckpt::tf {

struct TableRow {
  std::string_view key;
  std::string_view value;
};

// The sorted table of these rows, as TensorFlow writes it: nothing compressed, blocks of 256 KiB.
// Byte for byte what its own writer makes of them. REQUIRES: keys ascend.
std::string build_table(std::span<const TableRow> rows);

}  // namespace ckpt::tf
