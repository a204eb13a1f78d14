#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "core/file.h"

namespace ckpt {

// Where a tensor lies whole, row-major and uncompressed.
struct Extent {
  std::size_t file = 0;  // of ExtentReader::Content::files
  std::uint64_t offset = 0;
  std::uint64_t stored_bytes = 0;
  std::size_t swap_unit = 0;  // bytes reversed together where the file is big-endian; else 0
  std::string words;          // what else is to say of its storage, put behind the offset
  std::vector<Details::Attribute> attributes;
};

// The reader of every format whose tensors are extents of files.
class ExtentReader final : public Reader {
 public:
  struct Content {
    Index index;
    std::vector<Extent> extents;  // one an entry
    std::vector<std::unique_ptr<RandomFile>> files;
    std::vector<std::string> file_names;  // one a file; empty for the one that was opened itself
    std::vector<Details::Attribute> attributes;  // what the file says of all its variables
    Metadata metadata;
    std::vector<std::string> other_metadata;
  };

  // A file of several names them in its errors itself: it is a Chain.
  // REQUIRES: each extent lies in its file; an entry of a numeric dtype has nbytes == stored_bytes.
  explicit ExtentReader(Content content) : content_(std::move(content)) {}

  [[nodiscard]] const Index& index() const override { return content_.index; }
  [[nodiscard]] Details details(std::size_t i) const override;
  [[nodiscard]] Metadata metadata() const override { return content_.metadata; }
  [[nodiscard]] std::vector<std::string> other_metadata() const override {
    return content_.other_metadata;
  }

 private:
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override;

  Content content_;
};

}  // namespace ckpt
