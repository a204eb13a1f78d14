#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/undo.h"

namespace ckpt {

// The files beside a checkpoint that say how it was edited, and take it back:
// FILE.ckpt-receipt.json, and after an edit in place FILE.ckpt-receipt.undo. Each edit has a number
// of its own: FILE.ckpt-receipt-2.json is of the second. What a receipt says is its writer's
// knowledge; here it is a text.

struct ReceiptFile {
  int number = 1;
  std::string path;
};

// "x.ckpt-receipt.json" → "x.ckpt-receipt.undo".
std::string undo_path(const std::string& receipt_path);

// The file that a receipt is about, beside which it lies, also where both were moved since; empty
// where the path is that of no receipt.
std::string file_of_receipt(const std::string& receipt_path);

// The receipts of the file, the newest first.
std::vector<ReceiptFile> receipts_of(const std::string& file);

// The receipt of one edit. It is written before the edit becomes visible, so that no edit is
// without one, and taken away again with the object unless keep() was called; nothing else is.
class NewReceipt {
 public:
  // Of an edit of `file`, whose lock the caller holds or which is about to come into being; the
  // receipt gets no wider permissions than the file, or, where it is not there, than `like` has,
  // an open file.
  NewReceipt(std::string file, int like);
  ~NewReceipt();
  NewReceipt(const NewReceipt&) = delete;
  NewReceipt& operator=(const NewReceipt&) = delete;

  // Throws what write() throws where the file's name leaves no room for the receipt's. To be called
  // before the work that a receipt is of.
  void check_name() const;

  using WriteText = std::function<void(std::string_view)>;

  // Under the next number that is free. `undo` may be null. Throws Error(kWrite), naming the file,
  // and what can be done without it.
  void write(const std::function<void(const WriteText&)>& text, const Undo* undo);
  void keep() { made_.clear(); }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] int next_number() const;
  void check_length(int number) const;
  bool write_file(const std::string& path, const std::function<void(const WriteText&)>& text);

  std::string file_;
  int like_;
  std::string path_;
  std::vector<std::string> made_;
};

// Puts another text in the place of a receipt's. Throws Error(kWrite), naming it.
void rewrite_receipt(const std::string& path, std::string_view text);

// Removes a receipt and its undo data. Throws Error(kWrite).
void forget_receipt(const std::string& path);

}  // namespace ckpt
