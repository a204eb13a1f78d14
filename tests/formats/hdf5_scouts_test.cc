#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "formats/hdf5/chosen_source.h"
#include "formats/hdf5/variable.h"
#include "formats/hdf5/walk.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// Two ways to list a file must give one answer: the reader's, whose threads walk ahead in files of
// this size, and a plain walk's.

// argv: a format and a path. 100 groups of 40 datasets. With "layers" attributes tell names and a
// type. With "odd" there is whatever a thread must not decide alone: further names of datasets and
// groups within a group, across groups and in cycles, soft and external links, an object without a
// use for us.
constexpr const char* kMakeMany = R"py(
import sys
import h5py, numpy as np
libver, path = sys.argv[1:3]
with h5py.File(path, 'w', libver=(libver, 'v110')) as f:
    for g in range(100):
        group = f.create_group('group_%02d' % g)
        weights = ['group_%02d/weight_%d:0' % (g, w) for w in range(40)]
        for weight in weights: group.create_dataset(weight, (2, 3), 'f4')
        if 'layers' in sys.argv: group.attrs['weight_names'] = np.array(weights, 'S')
    if 'layers' in sys.argv:
        f.attrs['layer_names'] = np.array(list(f), 'S')
        for g in range(40, 100):
            opaque = f.create_dataset('group_%d/opaque' % g, (3,), 'V2')
            opaque.attrs['dtype'] = 'bfloat16'
    if 'odd' in sys.argv:
        f['group_07/same'] = f['group_07/group_07/weight_3:0']
        f['group_50/from_before'] = f['group_03/group_03/weight_1:0']
        f['group_50/from_behind'] = f['group_90/group_90/weight_2:0']
        f['group_51/group_behind'] = f['group_95']
        f['group_52/all'] = f['/']
        f['group_60/soft'] = h5py.SoftLink('/group_02/group_02/weight_0:0')
        f['group_61/external'] = h5py.ExternalLink('other.h5', '/a')
        f['group_63/type'] = np.dtype('f8')
        f['group_64/deeper/still/x'] = np.zeros(5)
)py";

void add_line(std::string& out, std::string_view place, DType dtype, const Shape& shape,
              const std::vector<std::string>& aliases) {
  out += cat(escape(place), " ", name_of(dtype), " ", to_string(shape));
  for (const auto& alias : aliases) out += cat(" = ", escape(alias));
  out += '\n';
}

std::string by_reader(const std::string& path) {
  std::string out;
  const std::string error = error_of([&] {
    const auto reader = open_checkpoint(path, {.use_paths = true});
    for (const Entry& entry : reader->index().entries) {
      add_line(out, entry.name, entry.dtype, entry.shape, entry.aliases);
    }
    for (const auto& note : reader->index().notes) out += cat("note: ", note, "\n");
  });
  return error == "no error" ? out : error;
}

std::string by_walk(const std::string& path) {
  std::string out;
  const std::string error = error_of([&] {
    try {
      const auto file = open_file(path);
      const auto source = hdf5::open_source(*file);
      hdf5::Notes notes;
      std::vector<Entry> entries;
      const auto take = [&](const std::string& name, hdf5::ObjectId id,
                            const hdf5::Dataset& dataset) {
        try {
          entries.push_back(hdf5::make_variable(name, id, dataset, "", file->size(), notes).entry);
        } catch (const Error& e) {
          throw e.in(cat("/", escape(name)));
        }
        return true;
      };
      for (const auto& alias : hdf5::walk(*source, take, notes).aliases) {
        entries[alias.dataset].aliases.push_back(alias.path);
      }
      for (Entry& entry : entries) {
        std::ranges::sort(entry.aliases);
        add_line(out, entry.name, entry.dtype, entry.shape, entry.aliases);
      }
      for (const auto& note : source->notes()) notes.add("oddities", note);
      for (const auto& note : notes.sentences()) out += cat("note: ", note, "\n");
    } catch (const Error& e) {
      throw e.in(path);
    }
  });
  return error == "no error" ? out : error;
}

std::size_t lines_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

TEST_SUITE("formats/hdf5_scouts") {
  // In salvage mode nobody walks ahead.
  TEST_CASE("names and types are found in what was walked ahead") {
    const TempDir dir;
    const std::string path = dir / "x.h5";
    run_python(kMakeMany, {"v110", path, "layers", "odd"});
    const auto reader = open_checkpoint(path);
    const auto alone = open_checkpoint(path, {.salvage = true});
    CHECK(reader->index().layout == "Keras 1 weights");
    CHECK(reader->find("group_99/weight_39"));
    CHECK(reader->index().entries[*reader->find("group_62/opaque")].dtype == DType::kBf16);
    CHECK(reader->index().entries == alone->index().entries);
    CHECK(reader->index().notes == alone->index().notes);
  }

  TEST_CASE("threads that walk ahead change nothing in what is found") {
    const TempDir dir;
    const std::string path = dir / "x.h5";
    for (const char* version : {"earliest", "v110"}) {
      CAPTURE(version);
      run_python(kMakeMany, {version, path});
      const std::string plain = by_walk(path);
      CHECK(lines_in(plain) == 4000);
      CHECK(by_reader(path) == plain);

      run_python(kMakeMany, {version, path, "odd"});
      const std::string odd = by_walk(path);
      CHECK(lines_in(odd) == 4001 + 3);  // and notes: two groups met again, a link out of the file
      for (int i = 0; i < 10; ++i) CHECK(by_reader(path) == odd);
    }
  }

  // Not all of these are found, or matter: what counts is that both say the same, whichever thread
  // meets it first.
  TEST_CASE("damage ends in the same sentence, whoever meets it") {
    const TempDir dir;
    const std::string path = dir / "x.h5";
    for (const char* version : {"earliest", "v110"}) {
      CAPTURE(version);
      run_python(kMakeMany, {version, path});
      const std::string whole = read_file(path);
      REQUIRE(whole.size() > 1 << 20);
      std::string damaged = whole;
      int errors = 0;
      for (std::size_t at = 100; at < whole.size(); at += kStride<20> * 9'973) {
        CAPTURE(at);
        damaged[at] = static_cast<char>(~whole[at]);
        write_file(path, damaged);
        damaged[at] = whole[at];
        const std::string wanted = by_walk(path);
        errors += static_cast<int>(wanted.starts_with(path));
        CHECK(by_reader(path) == wanted);
      }
      CHECK(errors > 0);
    }
  }

  TEST_CASE("a structure of two groups is refused, far apart as they are") {
    const TempDir dir;
    const std::string path = dir / "x.h5";
    run_python(kMakeMany, {"earliest", path});
    std::string bytes = read_file(path);
    // A group's header has the message of type 17 with the addresses of its B-tree and its heap.
    const std::string head("\x11\0\x10\0\0\0\0\0", 8);
    std::vector<std::size_t> tables;
    for (auto at = bytes.find(head); at != bytes.npos; at = bytes.find(head, at + 1)) {
      tables.push_back(at + head.size());
    }
    REQUIRE(tables.size() == 201);
    bytes.replace(tables[180], 16, bytes.substr(tables[20], 16));
    write_file(path, bytes);
    const std::string wanted = by_walk(path);
    CHECK(wanted.find("belongs to the objects at") != wanted.npos);
    for (int i = 0; i < 20; ++i) CHECK(by_reader(path) == wanted);
  }
}
