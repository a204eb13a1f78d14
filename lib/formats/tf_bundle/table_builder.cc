#include "formats/tf_bundle/table_builder.h"

#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <new>

#include "core/error.h"
#include "core/text.h"

namespace ckpt::tf {
namespace {

constexpr std::size_t kBlockSize = std::size_t{256} << 10;  // tsl/lib/io/table_options.h

// A file in memory. What cannot be had is told by a status: nothing is thrown through leveldb.
class StringFile final : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice& data) override {
    try {
      content_.append(data.data(), data.size());
    } catch (const std::bad_alloc&) {
      return leveldb::Status::IOError("out of memory");
    }
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }

  std::string take() { return std::move(content_); }

 private:
  std::string content_;
};

}  // namespace

std::string build_table(std::span<const TableRow> rows) {
  StringFile file;
  leveldb::Options options;
  options.compression = leveldb::kNoCompression;
  options.block_size = kBlockSize;
  options.block_restart_interval = 16;
  leveldb::TableBuilder builder(options, &file);
  for (const auto& [key, value] : rows) {
    // TensorFlow gives a large entry a block of its own; leveldb would let it join.
    if (builder.NumEntries() > 0 && key.size() + value.size() >= 2 * kBlockSize) builder.Flush();
    builder.Add({key.data(), key.size()}, {value.data(), value.size()});
  }
  const leveldb::Status status = builder.Finish();
  if (!status.ok()) throw Error(Errc::kWrite, cat("cannot build the index: ", status.ToString()));
  return file.take();
}

}  // namespace ckpt::tf
