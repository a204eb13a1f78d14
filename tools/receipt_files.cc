#include "receipt_files.h"

#include <unistd.h>

#include "core/blocks.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/system.h"
#include "core/text.h"

namespace ckpt {
namespace {

std::string numbered(const std::string& file, int number) {
  return cat(file, ".ckpt-receipt", number == 1 ? "" : cat("-", number), ".json");
}

// A file of what `write` gives to its argument.
void write_whole(const std::string& path, const std::function<void(const WriteText&)>& write) {
  try {
    AtomicFile file(path, Overwrite::kYes);
    std::uint64_t at = 0;
    Blocks blocks(file, at);
    write([&](std::string_view piece) { blocks.add(piece); });
    blocks.flush();
    file.commit();
  } catch (const Error& e) {
    throw Error(Errc::kWrite, e.in(escape(path)).what());
  }
}

}  // namespace

ReceiptFiles::ReceiptFiles(const std::string& file, bool stacked) {
  int number = 1;
  while (stacked && is_there(numbered(file, number))) ++number;
  receipt_path_ = numbered(file, number);
}

ReceiptFiles::~ReceiptFiles() {
  if (!written_ || kept_) return;
  ::unlink(receipt_path_.c_str());
  ::unlink(undo_path(receipt_path_).c_str());
}

void ReceiptFiles::write(const Receipt& receipt, const Undo* undo) {
  written_ = true;
  if (undo != nullptr) {
    write_whole(undo_path(receipt_path_), [&](const WriteText& out) {
      write_undo(*undo, [&](ByteView bytes) { out(as_text(bytes)); });
    });
  }
  write_whole(receipt_path_, [&](const WriteText& out) { write_receipt(receipt, out); });
}

std::string newest_receipt(const std::string& file) {
  int number = 1;
  while (is_there(numbered(file, number))) ++number;
  return number == 1 ? "" : numbered(file, number - 1);
}

std::string undo_path(const std::string& receipt_path) {
  return receipt_path.substr(0, receipt_path.rfind(".json")) + ".undo";
}

}  // namespace ckpt
