#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/dtype.h"
#include "targets.h"

using namespace ckpt;

namespace {

constexpr std::uint64_t kReadAtMost = 1 << 16;  // bytes of a variable, at each of its ends
constexpr std::size_t kVariables = 200;

// Where the file would lie. Beside it are shards for those that name one.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / "ckpt-fuzz-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    for (const char* name : {"/x.data-00000-of-00001", "/group1-shard1of1.bin"}) {
      std::ofstream(path_ + name, std::ios::binary) << std::string(kReadAtMost, '\7');
    }
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string input() const { return path_ + "/x.index"; }

 private:
  std::string path_;
};

void read_variable(const Reader& reader, std::size_t i) {
  const Entry& entry = reader.index().entries[i];
  survive([&] { (void)reader.details(i); });
  if (!is_numeric(entry.dtype)) return;
  survive([&] { reader.check_whole(i); });
  const std::uint64_t size = size_of(entry.dtype);
  const std::uint64_t all = entry.nbytes / size;
  const std::uint64_t piece = std::min(all, kReadAtMost / size);
  Bytes bytes(piece * size);
  survive([&] { reader.read(i, 0, bytes); });
  survive([&] { reader.read(i, all - piece, bytes); });
}

}  // namespace

void fuzz_format(const Format& format, std::string_view bytes) {
  static const Folder folder;
  const ByteView view = as_byte_view(bytes);
  for (const bool salvage : {false, true}) {
    survive([&] {
      auto file = memory_file(Bytes(view.begin(), view.end()));
      if (!format.detect(*file)) return;
      const auto reader = format.open(std::move(file), folder.input(), {.salvage = salvage});
      survive([&] { (void)reader->metadata(); });
      const std::size_t count = std::min(reader->index().entries.size(), kVariables);
      for (std::size_t i = 0; i < count; ++i) read_variable(*reader, i);
    });
  }
}
