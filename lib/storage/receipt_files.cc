#include "storage/receipt_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "storage/new_file.h"
#include "storage/raw_file.h"

namespace ckpt {
namespace {

constexpr std::string_view kInfix = ".ckpt-receipt";
constexpr std::string_view kText = ".json";
constexpr std::string_view kUndo = ".undo";
constexpr int kMostReceipts = 1'000'000'000;
constexpr std::string_view kWithout =
    "; `--no-receipt` edits without one, and then there is no `ckpt undo`";

std::string numbered(const std::string& file, int number) {
  return cat(file, kInfix, number == 1 ? "" : cat("-", number), kText);
}

// The number in the name of a receipt, or of undo data, of the file called `base`.
std::optional<int> number_in(std::string_view name, std::string_view base) {
  if (!name.starts_with(base)) return std::nullopt;
  name.remove_prefix(base.size());
  if (!name.starts_with(kInfix)) return std::nullopt;
  name.remove_prefix(kInfix.size());
  if (!name.ends_with(kText) && !name.ends_with(kUndo)) return std::nullopt;
  name.remove_suffix(kText.size());
  static_assert(kText.size() == kUndo.size());
  if (name.empty()) return 1;
  int number = 0;
  const char* const end = name.data() + name.size();
  const auto result = std::from_chars(name.data() + 1, end, number);
  // As it is written: "-02" is somebody else's.
  const bool is_number = name.starts_with("-") && !name.starts_with("-0") &&
                         result.ec == std::errc() && result.ptr == end;
  return is_number && number > 1 && number < kMostReceipts ? std::optional(number) : std::nullopt;
}

// Calls f(name, number) for receipts and undo data of the file.
template <typename F>
void for_each_numbered(const std::string& file, F&& f) {
  const std::string base = base_name(file);
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder_of(file).c_str()), ::closedir);
  if (!dir) return;
  while (const dirent* item = ::readdir(dir.get())) {
    if (const auto number = number_in(item->d_name, base))
      f(std::string_view(item->d_name), *number);
  }
}

}  // namespace

std::string undo_path(const std::string& receipt_path) {
  return receipt_path.substr(0, receipt_path.rfind(kText)).append(kUndo);
}

std::string file_of_receipt(const std::string& receipt_path) {
  const auto at = receipt_path.rfind(kInfix);
  if (at == std::string::npos || at == 0 || !receipt_path.ends_with(kText)) return "";
  const std::string file = receipt_path.substr(0, at);
  return number_in(base_name(receipt_path), base_name(file)) ? file : "";
}

std::vector<ReceiptFile> receipts_of(const std::string& file) {
  std::vector<ReceiptFile> receipts;
  for_each_numbered(file, [&](std::string_view name, int number) {
    if (name.ends_with(kText)) receipts.push_back({number, beside(file, name)});
  });
  std::ranges::sort(receipts, std::ranges::greater(), &ReceiptFile::number);
  return receipts;
}

NewReceipt::NewReceipt(std::string file, int like) : file_(std::move(file)), like_(like) {}

NewReceipt::~NewReceipt() {
  for (const std::string& path : made_) ::unlink(path.c_str());
}

// False where another edit has taken the number meanwhile.
bool NewReceipt::write_file(const std::string& path,
                            const std::function<void(const WriteText&)>& text) {
  std::optional<NewFile> file;
  try {
    file.emplace(path, Overwrite::kYes);
    // Of a file that is replaced: as that is.
    const FileDescriptor own(::open(file_.c_str(), O_PATH | O_CLOEXEC));
    file->belong_to(own ? own.get() : like_);
    std::uint64_t at = 0;
    Blocks blocks = blocks_into(*file, at);
    text([&](std::string_view piece) { blocks.add(piece); });
    blocks.flush();
    file->commit_new();
  } catch (const Error& e) {
    const bool is_own = file && file->is_named();  // its folder could not be flushed
    if (is_own) made_.push_back(path);
    if (!is_own && is_there(path)) return false;
    throw Error(Errc::kWrite, cat(e.in(escape(path)).what(), kWithout));
  }
  made_.push_back(path);
  return true;
}

int NewReceipt::next_number() const {
  int number = 1;
  for_each_numbered(file_,
                    [&](std::string_view, int taken) { number = std::max(number, taken + 1); });
  return number;
}

void NewReceipt::check_name() const { check_length(next_number()); }

void NewReceipt::check_length(int number) const {
  const std::size_t length = base_name(numbered(file_, number)).size();
  if (length <= NAME_MAX) return;
  throw Error(Errc::kWrite, cat(escape(base_name(file_)), ": the name of its receipt would have ",
                                length, " bytes, and ", NAME_MAX, " are the most", kWithout));
}

void NewReceipt::write(const std::function<void(const WriteText&)>& text, const Undo* undo) {
  int number = next_number();
  check_length(number);
  for (;; ++number) {
    path_ = numbered(file_, number);
    if (undo != nullptr && !write_file(undo_path(path_), [&](const WriteText& out) {
          write_undo(*undo, [&](ByteView bytes) { out(as_text(bytes)); });
        })) {
      continue;
    }
    if (write_file(path_, text)) return;
    for (const std::string& path : made_) ::unlink(path.c_str());
    made_.clear();
  }
}

void rewrite_receipt(const std::string& path, std::string_view text) {
  try {
    if (is_symlink(path)) throw Error(Errc::kWrite, "is a symbolic link, and is left as it is");
    NewFile file(path, Overwrite::kYes);
    file.write_at(0, as_byte_view(text));
    file.commit();
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

void forget_receipt(const std::string& path) {
  // The undo data first: without its receipt nobody would find it.
  for (const std::string& file : {undo_path(path), path}) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
      throw Error(Errc::kWrite, cat(escape(file), ": cannot be removed: ", error_text(errno)));
    }
  }
}

}  // namespace ckpt
