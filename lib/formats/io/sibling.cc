#include "formats/io/sibling.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "storage/journal.h"
#include "storage/locked_file.h"

namespace ckpt {

void check_no_lfs_pointer(const RandomFile& file) {
  constexpr std::string_view kStart = "version https://git-lfs.github.com/spec/";
  std::string start(kStart.size(), '\0');
  if (file.size() < start.size()) return;
  file.read_at(0, std::as_writable_bytes(std::span(start)));
  if (start == kStart) {
    throw Error(Errc::kUnsupported,
                "is a Git LFS pointer, not the file itself; `git lfs pull` fetches that");
  }
}

Error orphan() {
  return {Errc::kWrite,
          "exists already, and no index beside it: an interrupted run has left it, or it has lost "
          "its index; remove it, give another name, or replace it with --overwrite"};
}

void check_sibling_name(const std::string& name, std::string_view what) {
  if (!is_plain_name(name)) {
    throw Error(Errc::kCorrupt, cat("names the ", what, " '", escape(name),
                                    "'; a plain file name is needed, since a ", what,
                                    " lies in the folder of its index"));
  }
}

std::unique_ptr<RandomFile> open_sibling(const std::string& path, const std::string& name,
                                         std::string_view what) {
  check_sibling_name(name, what);
  try {
    auto file = settle(open_file(beside(path, name))).file;
    check_no_lfs_pointer(*file);
    return file;
  } catch (const Error& e) {
    if (e.code() == Errc::kNotFound) {
      throw Error(Errc::kNotFound,
                  cat("names the ", what, " '", escape(name), "', which is not beside it"));
    }
    throw e.in(escape(name));
  }
}

}  // namespace ckpt
