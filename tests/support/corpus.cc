#include "support/corpus.h"

#include <filesystem>
#include <fstream>

#include "core/text.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace {

std::vector<std::vector<std::string>> read_table(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);  // the heads of the columns
  while (std::getline(stream, line)) {
    std::vector<std::string> row;
    for (const std::string_view cell : ckpt::split(line, "\t")) row.emplace_back(cell);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string corpus_path(const std::string& file) { return CKPT_SHARED "/corpus/" + file; }
std::string hostile_path(const std::string& file) { return CKPT_SHARED "/hostile/" + file; }

std::vector<ExpectedTensor> expected_tensors(const std::string& folder) {
  std::vector<ExpectedTensor> tensors;
  for (auto& row : read_table(corpus_path("EXPECTED.tsv"))) {
    if (!row[0].starts_with(folder)) continue;
    row.resize(6);
    tensors.push_back({row[0], row[1], row[2], row[3], std::stoull(row[4]), row[5]});
  }
  return tensors;
}

std::vector<HostileFile> hostile_files(const std::string& format) {
  std::vector<HostileFile> files;
  for (auto& row : read_table(hostile_path("MANIFEST.tsv"))) {
    if (row.at(1) == format) files.push_back({row.at(0), row.at(2), row.at(3)});
  }
  return files;
}

std::string shape_text(const ckpt::Shape& shape) {
  std::vector<std::string> extents;
  for (const std::int64_t extent : shape) extents.push_back(ckpt::cat(extent));
  return ckpt::join(extents, "x");
}

std::vector<std::string> sha1_of(const std::vector<ckpt::Bytes>& texts) {
  const TempDir dir;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    write_file(dir / std::to_string(i), ckpt::as_text(texts[i]));
  }
  const std::string out = run_python(R"(
import hashlib, sys
for i in range(int(sys.argv[2])):
    print(hashlib.sha1(open(f'{sys.argv[1]}/{i}', 'rb').read()).hexdigest()[:12])
)",
                                     {dir.path().string(), std::to_string(texts.size())});
  std::vector<std::string> digests;
  for (const std::string_view line : ckpt::split(out, "\n")) digests.emplace_back(line);
  digests.resize(texts.size());
  return digests;
}

std::unique_ptr<ckpt::Reader> open_as(const ckpt::Format& format, const std::string& path) {
  return format.open(ckpt::open_file(path), path, {});
}

std::unique_ptr<ckpt::Reader> open_bytes(const ckpt::Format& format, std::string_view bytes,
                                         const std::string& path) {
  const ckpt::ByteView view = ckpt::as_byte_view(bytes);
  return format.open(ckpt::memory_file(ckpt::Bytes(view.begin(), view.end())), path, {});
}

std::vector<ckpt::Tensor> read_all(const ckpt::Reader& reader) {
  std::vector<ckpt::Tensor> tensors;
  const auto& entries = reader.index().entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_numeric(entries[i].dtype)) tensors.push_back(reader.read(i));
  }
  return tensors;
}
