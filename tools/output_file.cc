#include "output_file.h"

#include "core/error.h"
#include "core/escape.h"

namespace ckpt {

void write_output(const std::string& path, Overwrite overwrite,
                  const std::function<void(const std::function<void(std::string_view)>&)>& fill) {
  try {
    NewFile file(path, overwrite);
    std::uint64_t at = 0;
    Blocks blocks = blocks_into(file, at);
    fill([&](std::string_view piece) { blocks.add(piece); });
    blocks.flush();
    file.commit();
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

}  // namespace ckpt
