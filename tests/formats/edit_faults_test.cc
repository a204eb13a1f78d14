// Edits of the formats other than HDF5, killed or failing at each of their system calls.
#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/child.h"
#include "support/contents.h"
#include "support/error_of.h"
#include "support/faults.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;
namespace fs = std::filesystem;

namespace {

struct Subject {
  std::string_view id;
  std::string_view file;
  bool has_journal = false;  // a new name of the same length is written into the file itself
  bool is_keras = false;     // an HDF5 file that is put into an archive
};
constexpr Subject kSubjects[] = {{"safetensors", "a.safetensors", true},
                                 {"safetensors-index", "a.safetensors.index.json", true},
                                 {"npz", "a.npz"},
                                 {"tf", "a.index"},
                                 {"torch", "a.pt"},
                                 {"keras", "a.keras", false, true}};

using Files = std::map<std::string, std::string>;

// Every file of the folder but hidden ones, which NewFile sweeps, and those that waited for
// their place, which the next edit overwrites.
Files files_left_in(const TempDir& dir) {
  Files files;
  for (const auto& item : fs::directory_iterator(dir.path())) {
    const std::string name = item.path().filename();
    if (!name.starts_with(".ckpt-") && !name.ends_with(".ckpt-new"))
      files[name] = read_file(item.path());
  }
  return files;
}

void put_back(const TempDir& dir, const Files& files) {
  for (const auto& item : fs::directory_iterator(dir.path())) fs::remove_all(item.path());
  for (const auto& [name, content] : files) write_file(dir / name, content);
}

int run_edit(const Format& format, const std::string& path, const std::string& target,
             const Edit& edit, const Faults& faults) {
  return run_in_child([&] {
    arm(faults);
    try {
      format.edit(path, target, edit, {});
    } catch (const Error& e) {
      return e.code() == Errc::kUnfinished ? kFailedBehind : kFailed;
    }
    return 0;
  });
}

// Data shards of a bundle without an index are no checkpoint: the index comes last.
void forget_orphans(Files& files, const std::string& target) {
  if (files.contains(target)) return;
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("new-"); });
}

struct Tally {
  int points = 0;
  int old_files = 0;
  int new_files = 0;
  int recovered = 0;
};

Tally inject(const Subject& subject, bool in_place, const Edit& edit, Faults faults) {
  const TempDir dir;
  const Format& format = *find_format(subject.id);
  const std::string path = dir / std::string(subject.file);
  const std::string target = in_place ? "" : dir / ("new-" + std::string(subject.file));
  {
    const auto& written = subject.is_keras ? *find_format("hdf5") : format;
    const auto writer =
        written.create(path, {{.name = "enc.a", .shape = {1000}}, {.name = "enc.b", .shape = {3}}},
                       {.max_shard_bytes = subject.id == "safetensors-index" ? 4000U : 0U});
    writer->write(0, Bytes(4000, std::byte{1}));
    writer->write(1, Bytes(12, std::byte{2}));
    writer->commit();
  }
  if (subject.is_keras) {
    run_python(
        "import sys, zipfile\np = sys.argv[1]\nb = open(p, 'rb').read()\n"
        "with zipfile.ZipFile(p, 'w') as z: z.writestr('model.weights.h5', b)",
        {path});
  }
  const std::string& edited = in_place ? path : target;
  const Files before = files_left_in(dir);
  REQUIRE(run_edit(format, path, target, edit, {}) == 0);
  const Files after = files_left_in(dir);
  REQUIRE((before != after));
  Tally tally;
  for (faults.at = 1;; faults.at += kStride<3>) {
    REQUIRE(faults.at < 200);
    put_back(dir, before);
    const int status = run_edit(format, path, target, edit, faults);
    if (status == 0 && (faults.kind == Faults::Kind::kKill || faults.kind == Faults::Kind::kTear)) {
      break;
    }
    if (status == 0 && faults.at > 100) break;
    CAPTURE(subject.id);
    CAPTURE(in_place);
    CAPTURE(faults.at);
    ++tally.points;
    const bool has_journal = subject.has_journal && (in_place || subject.id == "safetensors-index");
    if (has_journal && files_left_in(dir) != before && files_left_in(dir) != after) {
      // Read as recovering will leave it.
      const Contents read = contents_of(edited);
      CHECK(read.was_interrupted);
      CHECK(recover_checkpoint(edited) != Recovery::kClean);
      CHECK((contents_of(edited).tensors == read.tensors));
      ++tally.recovered;
    }
    Files left = files_left_in(dir);
    if (subject.id == "tf") forget_orphans(left, "new-" + std::string(subject.file));
    const bool is_one = left == before || left == after;
    CHECK(is_one);
    ++(left == before ? tally.old_files : tally.new_files);
    // What is left over is in nobody's way.
    if (left == before) {
      CHECK(run_edit(format, path, target, edit, {}) == 0);
      CHECK((files_left_in(dir) == after));
    }
  }
  return tally;
}

const Edit kRename{{{"enc.a", "dec.c"}}, {}, {}};
const std::string kLongName(300, 'x');
const Edit kLongRename{{{"enc.a", kLongName}}, {"enc.b"}, {}};

}  // namespace

TEST_SUITE("formats/edit_faults") {
  TEST_CASE("killed at any call, an edit leaves the old files or the new ones") {
    for (const Subject& subject : kSubjects) {
      for (const bool in_place : {false, true}) {
        for (const Edit* edit : {&kRename, &kLongRename}) {
          for (const auto kind : {Faults::Kind::kKill, Faults::Kind::kTear}) {
            const Tally tally = inject(subject, in_place, *edit, {.kind = kind});
            CHECK(tally.old_files > 2 / kStride<3>);
            MESSAGE(cat(subject.id, in_place ? " in place: " : " to a new file: ", tally.points,
                        " points, ", tally.old_files, " old, ", tally.new_files, " new, ",
                        tally.recovered, " recovered"));
          }
        }
      }
    }
  }

  TEST_CASE("on a full or broken disk the old files stay") {
    for (const Subject& subject : kSubjects) {
      for (const bool in_place : {false, true}) {
        for (const auto kind : {Faults::Kind::kFail, Faults::Kind::kOnce}) {
          const Tally tally =
              inject(subject, in_place, kLongRename, {.kind = kind, .error = ENOSPC});
          CHECK(tally.old_files > 2 / kStride<3>);
        }
      }
    }
  }

  TEST_CASE("killed while it is overwritten, a bundle is the old one or the new one") {
    const TempDir dir;
    const Format& format = *find_format("tf");
    const std::string path = dir / "m.index";
    const auto write_at = [&](const std::string& file, std::byte value) {
      const auto writer =
          format.create(file, {{.name = "a", .shape = {1000}}}, {.overwrite = Overwrite::kYes});
      writer->write(0, Bytes(4000, value));
      writer->commit();
    };
    const auto value_at = [](const std::string& file) {
      return open_checkpoint(file)->read(0).bytes[0];
    };
    const std::string source = dir / "source.index";
    // Overwritten by a new one, and by another one under new names. Of one shard and of two, since
    // they take turns; what a killed run left is in nobody's way.
    for (const bool by_edit : {false, true}) {
      for (const bool is_of_two : {false, true}) {
        int old_ones = 0;
        int new_ones = 0;
        for (Faults faults{.kind = Faults::Kind::kKill, .at = 1};; ++faults.at) {
          REQUIRE(faults.at < 100);
          CAPTURE(by_edit);
          CAPTURE(faults.at);
          for (const auto& item : fs::directory_iterator(dir.path())) {
            if (faults.at % 2 == 0) fs::remove(item.path());
          }
          if (!fs::exists(source)) write_at(source, std::byte{2});
          write_at(path, std::byte{0});
          const bool has_two = fs::exists(dir / "m.data-00001-of-00002");
          if (has_two != is_of_two) write_at(path, std::byte{0});
          write_at(path, std::byte{1});
          write_at(path, std::byte{1});
          const int status = run_in_child([&] {
            arm(faults);
            if (by_edit) {
              format.edit(source, path, {{{"a", "b"}}, {}, {}}, {.overwrite = Overwrite::kYes});
            } else {
              write_at(path, std::byte{2});
            }
            return 0;
          });
          const bool is_old = value_at(path) == std::byte{1};
          const bool is_one = is_old || value_at(path) == std::byte{2};
          CHECK(is_one);
          CHECK(open_checkpoint(path)->index().notes.empty());
          if (by_edit)
            CHECK(open_checkpoint(path)->index().entries[0].name == (is_old ? "a" : "b"));
          CHECK(value_at(source) == std::byte{2});
          ++(is_old ? old_ones : new_ones);
          if (status == 0) break;
        }
        CHECK(old_ones > 2);
        CHECK(new_ones > 1);
        // What is there now is one bundle and its source.
        write_at(path, std::byte{1});
        write_at(path, std::byte{1});
        CHECK(files_left_in(dir).size() == (fs::exists(dir / "m.data-00001-of-00002") ? 5 : 4));
      }
    }
  }

  TEST_CASE(
      "killed while it is overwritten, a set of files is the old one, the new one or recovered") {
    const TempDir dir;
    const Format& format = *find_format("safetensors-index");
    const std::string path = dir / "m.safetensors.index.json";
    const auto write = [&](std::byte value, std::uint64_t most) {
      const auto writer =
          format.create(path, {{.name = "a", .shape = {1000}}, {.name = "b", .shape = {1000}}},
                        {.overwrite = Overwrite::kYes, .max_shard_bytes = most});
      for (std::size_t i = 0; i < 2; ++i) writer->write(i, Bytes(4000, value));
      writer->commit();
    };
    // Both variables have one value, since each is of one set.
    const auto value = [&] {
      const auto reader = open_checkpoint(path);
      CHECK(reader->read(0).bytes == reader->read(1).bytes);
      return reader->read(0).bytes[0];
    };
    constexpr std::uint64_t kOneFile = 100'000;
    constexpr std::uint64_t kTwoFiles = 5000;
    for (const auto& sizes :
         {std::pair{kTwoFiles, kTwoFiles}, {kOneFile, kTwoFiles}, {kTwoFiles, kOneFile}}) {
      const std::uint64_t before = sizes.first;
      const std::uint64_t after = sizes.second;
      std::map<std::string, int> seen;
      for (Faults faults{.kind = Faults::Kind::kKill, .at = 1};; ++faults.at) {
        REQUIRE(faults.at < 200);
        CAPTURE(faults.at);
        write(std::byte{1}, before);
        const Files old = files_left_in(dir);
        const int status = run_in_child([&] {
          arm(faults);
          write(std::byte{2}, after);
          return 0;
        });
        if (contents_of(path).was_interrupted) {
          ++seen["recovered"];
          CHECK(value() == std::byte{2});
          // A recovery that is killed as well can be done again.
          for (Faults again{.kind = Faults::Kind::kKill, .at = 1};; ++again.at) {
            REQUIRE(again.at < 200);
            const bool is_done = run_in_child([&] {
                                   arm(again);
                                   return recover_checkpoint(path) == Recovery::kFinished ? 0 : 1;
                                 }) == 0;
            if (is_done) break;
            CHECK(value() == std::byte{2});
            if (!contents_of(path).was_interrupted) break;
          }
          CHECK(value() == std::byte{2});
        } else {
          const bool is_new = value() == std::byte{2};
          if (!is_new) CHECK((files_left_in(dir) == old));
          ++seen[is_new ? "new" : "old"];
        }
        if (value() == std::byte{2})
          CHECK(files_left_in(dir).size() == (after == kOneFile ? 2 : 3));
        if (status == 0) break;
      }
      CHECK(seen["old"] > 5);
      CHECK(seen["recovered"] > 2);
      CHECK(seen["new"] > 0);
      MESSAGE(seen["old"], " old, ", seen["recovered"], " recovered, ", seen["new"],
              " new");
    }
  }

  TEST_CASE("a data shard without its index is neither overwritten nor in the way") {
    const TempDir dir;
    write_file(dir / "m.data-00000-of-00001", "all that is left");
    const auto writer = create_checkpoint(dir / "m.index", {{.name = "a", .shape = {1}}}, {}, "tf");
    writer->write(0, Bytes(4, std::byte{1}));
    writer->commit();
    CHECK(read_file(dir / "m.data-00000-of-00001") == "all that is left");
    const auto reader = open_checkpoint(dir / "m");
    CHECK(reader->index().notes.empty());
    CHECK(reader->read(0).bytes == Bytes(4, std::byte{1}));
  }
}
