#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "core/file.h"
#include "formats/numpy/column_major.h"
#include "formats/numpy/header.h"
#include "formats/zip/contents.h"

namespace ckpt::numpy {

// The reader of arrays that lie each in a NumPy file, which may itself lie in an archive.
class ArrayReader final : public Reader {
 public:
  // All members of an archive that are NumPy files. Throws Error.
  static std::unique_ptr<Reader> open_archive(std::unique_ptr<RandomFile> file);

  // A NumPy file by itself. Throws Error.
  static std::unique_ptr<Reader> open_single(std::unique_ptr<RandomFile> file,
                                             const std::string& name);

  [[nodiscard]] const Index& index() const override { return index_; }
  [[nodiscard]] Details details(std::size_t i) const override;

 private:
  // What its entry does not say of an array.
  struct Array {
    std::uint32_t member = 0;  // of contents_; of no meaning where the file stands alone
    std::uint8_t swap_unit = 0;
    bool fortran = false;
    std::uint64_t data_start = 0;
    std::uint64_t data_bytes = 0;
  };

  ArrayReader() = default;
  void add(std::string_view name, std::string_view place, std::uint32_t member, Header header);
  [[nodiscard]] ReadAt source_of(std::size_t member) const;
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override;

  Index index_;
  std::vector<Array> arrays_;
  std::unique_ptr<RandomFile> single_;       // one of these two
  std::unique_ptr<zip::Contents> contents_;  // is there
  mutable ColumnMajor column_major_;
};

}  // namespace ckpt::numpy
