#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/text.h"
#include "formats/formats.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;
namespace fs = std::filesystem;

namespace {

bool is_hdf5_name(const std::string& path) {
  return path.ends_with(".h5") || path.ends_with(".hdf5");
}

// "3x4", as EXPECTED.tsv has shapes.
std::string dims(const Shape& shape) {
  std::vector<std::string> words;
  for (const auto extent : shape) words.push_back(cat(extent));
  return join(words, "x");
}

}  // namespace

TEST_SUITE("formats/hdf5_corpus") {
  TEST_CASE(
      "every HDF5 file of the corpus, in a .keras too, has exactly the variables its manifest "
      "says") {
    const std::string corpus = CKPT_SHARED "/corpus/";
    std::ifstream expected(corpus + "EXPECTED.tsv");
    if (!expected) {
      MESSAGE("SKIPPED: " CKPT_SHARED "/corpus is not there");
      return;
    }
    std::map<std::string, std::vector<std::string>> wanted;
    std::string line;
    std::getline(expected, line);
    while (std::getline(expected, line)) {
      const auto fields = split(line, "\t");
      if (!is_hdf5_name(std::string(fields[0])) && !fields[0].ends_with(".keras")) continue;
      const bool is_text = fields[2] == "str" || fields[2] == "object";
      const auto dtype = parse_dtype(fields[2]);
      wanted[std::string(fields[0])].push_back(
          cat(fields[1], " ", dtype ? name_of(*dtype) : fields[2], " ", fields[3], " ",
              is_text ? "" : fields[4], " ", is_text ? "" : fields[5]));
    }
    CHECK(wanted.size() > 30);
    const TempDir dir;
    for (auto& row : wanted) {
      const auto& file = row.first;
      auto& rows = row.second;
      CAPTURE(file);
      const auto reader = open_checkpoint(corpus + file, {.use_paths = true});
      // All tensors in one file, one digest each by Python's hashlib.
      std::string bytes;
      std::vector<std::string> arguments{dir / "bytes"};
      std::vector<std::string> seen;
      for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
        const Entry& entry = reader->index().entries[i];
        if (is_numeric(entry.dtype)) bytes += as_text(reader->read(i).bytes);
        arguments.push_back(cat(entry.nbytes));
      }
      write_file(dir / "bytes", bytes);
      const std::string printed = run_python(
          "import sys, hashlib\nf = open(sys.argv[1], 'rb')\n"
          "for n in sys.argv[2:]: print(hashlib.sha1(f.read(int(n))).hexdigest()[:12])\n",
          arguments);
      const auto digests = split(printed, "\n");
      for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
        const Entry& entry = reader->index().entries[i];
        const bool is_text = !is_numeric(entry.dtype);
        seen.push_back(cat(entry.name, " ", is_text ? "str" : name_of(entry.dtype), " ",
                           dims(entry.shape), " ", is_text ? "" : cat(entry.nbytes), " ",
                           is_text ? "" : digests[i]));
      }
      std::ranges::sort(seen);
      std::ranges::sort(rows);
      CHECK(seen == rows);
    }
  }

  TEST_CASE("every HDF5 file of the models opens, in a layout of Keras") {
    const fs::path models = CKPT_SHARED "/models";
    if (!fs::exists(models)) {
      MESSAGE("SKIPPED: " CKPT_SHARED "/models is not there");
      return;
    }
    int count = 0;
    for (const auto& item : fs::recursive_directory_iterator(models)) {
      const std::string path = item.path();
      if (!is_hdf5_name(path)) continue;
      CAPTURE(path);
      ++count;
      std::string layout;
      CHECK(error_of([&] { layout = open_checkpoint(path)->index().layout; }) == "no error");
      CHECK(layout.starts_with("Keras "));
    }
    CHECK(count > 200);
  }
}
