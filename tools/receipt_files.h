#pragma once

#include <string>

#include "checkpoint/undo.h"
#include "remap/receipt.h"

namespace ckpt {

// The files beside a remapped checkpoint: FILE.ckpt-receipt.json, and after an edit in place
// FILE.ckpt-receipt.undo with the bytes that take it back. A file that is edited in place again has
// a receipt for each time: FILE.ckpt-receipt-2.json is the second.
//
// They are written before the edit becomes visible, so that no edit is without its receipt, and
// taken away again with the object unless keep() was called.
class ReceiptFiles {
 public:
  // `stacked`: earlier receipts of the file are kept, else the first one is replaced.
  ReceiptFiles(const std::string& file, bool stacked);
  ~ReceiptFiles();
  ReceiptFiles(const ReceiptFiles&) = delete;
  ReceiptFiles& operator=(const ReceiptFiles&) = delete;

  // Throws Error(kWrite), naming the file. `undo` may be null.
  void write(const Receipt& receipt, const Undo* undo);
  void keep() { kept_ = true; }

  [[nodiscard]] const std::string& receipt_path() const { return receipt_path_; }

 private:
  std::string receipt_path_;
  bool written_ = false;
  bool kept_ = false;
};

// The newest receipt of a file that was edited in place; empty where there is none.
std::string newest_receipt(const std::string& file);

// "x.ckpt-receipt.json" → "x.ckpt-receipt.undo".
std::string undo_path(const std::string& receipt_path);

}  // namespace ckpt
