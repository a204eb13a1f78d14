#include <doctest/doctest.h>

#include <cstring>

#include <filesystem>

#include "core/text.h"
#include "formats/formats.h"
#include "storage/undo.h"
#include "support/error_of.h"
#include "support/hdf5_files.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

using Lines = std::vector<std::string>;

// Makes a file of `kind` by h5py: groups a0 … with variables, attributes, a chunked one, an alias.
void make_edited_file(const std::string& path, const std::string& kind) {
  run_python(R"(
import h5py, numpy as np, sys
path, kind = sys.argv[1:]
libver = {'v18': ('earliest', 'v108'), 'v110': ('v108', 'v110'), 'dense': ('v108', 'v110'),
          'latest': 'latest'}.get(kind, 'earliest')
f = h5py.File(path, 'w', libver=libver, userblock_size=2048 if kind == 'userblock' else 0,
              track_order=kind == 'order')
rng = np.random.RandomState(7)
for g in range(3):
    a = f.create_group('model/block_%d' % g)
    a.attrs['index'] = g
    for v in range(60 if kind == 'dense' else 3):
        d = a.create_dataset('w%d' % v, data=rng.rand(4, 5).astype('f4'))
        d.attrs['trainable'] = v % 2 == 0
f.create_dataset('model/chunked', data=rng.rand(30, 30), chunks=(7, 7), compression='gzip', shuffle=True)
f.create_dataset('step', data=np.int64(17))
f['model/block_0/again'] = f['model/block_0/w0']
f['soft'] = h5py.SoftLink('/model/block_1/w1')
f.attrs['note'] = 'kept'
f.create_group('empty')
# A root with so many links that they are kept in a heap of their own: HDF5 1.10 would give a new
# group, made like this one, the same heap.
for g in range(40 if kind == 'dense' else 0): f.create_dataset('extra_%d/w' % g, data=np.float32(g))
f.close()
if kind == 'userblock':
    with open(path, 'r+b') as b: b.write(b'#!/bin/sh user block\n')
)",
             {path, kind});
}

std::string moved(const std::string& name, const std::string& from, const std::string& to) {
  return name.starts_with(from) ? to + name.substr(from.size()) : name;
}

std::map<std::string, std::string> renamed(const std::map<std::string, std::string>& datasets,
                                           const std::string& from, const std::string& to) {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : datasets) result.emplace(moved(name, from, to), value);
  return result;
}

std::string shown(const std::map<std::string, std::string>& datasets) {
  std::string text;
  for (const auto& [name, value] : datasets) text += name + " " + value + "\n";
  return text;
}

}  // namespace

TEST_SUITE("formats/hdf5_edit") {
  TEST_CASE("a scope moves with all its bytes, attributes and links, to a new file and in place") {
    for (const std::string kind :
         {"earliest", "v18", "v110", "latest", "userblock", "dense", "order"}) {
      CAPTURE(kind);
      const TempDir dir;
      const std::string original = dir / "a.h5";
      make_edited_file(original, kind);
      const std::string bytes = read_file(original);
      const auto before = datasets_by_h5py(original);
      Edit edit = prefix_move(original, "model/", "encoder/net/");
      // The alias is a name of its own.
      edit.moves.push_back({"model/block_0/w0", "encoder/net/block_0/w0"});
      const auto result = edit_file(original, dir / "b.h5", edit);
      CHECK(operations_of(result) ==
            "make-scope encoder\nmove model → encoder/net\nlink soft → /encoder/net/block_1/w1");
      CHECK((read_file(original) == bytes));
      const auto after = datasets_by_h5py(dir / "b.h5");
      CHECK(shown(after) == shown(renamed(before, "model/", "encoder/net/")));
      if (kind == "userblock") {
        CHECK(read_file(dir / "b.h5").starts_with("#!/bin/sh user block\n"));
      }
      for (const auto how : {InPlace::kAuto, InPlace::kReplace, InPlace::kJournal}) {
        CAPTURE(static_cast<int>(how));
        const std::string file = dir / "c.h5";
        write_file(file, bytes);
        const auto in_place = edit_file(file, "", edit, {.in_place = how});
        CHECK((read_file(file) == read_file(dir / "b.h5")));
        REQUIRE(in_place.can_undo);
        const Undo undo = decode_undo(encode_undo(in_place.undo));
        CHECK(undo == in_place.undo);
        find_format("hdf5")->undo(file, undo, {.in_place = how});
        CHECK((read_file(file) == bytes));
      }
    }
  }

  TEST_CASE("swaps, chains, moves into itself and merges are the moves that are needed") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    run_python(R"(
import h5py, sys
f = h5py.File(sys.argv[1], 'w')
for i, n in enumerate(['a/x', 'a/y', 'b/x', 'b/z', 'c/only']): f[n] = [float(i)]
)",
               {file});
    const auto check = [&](const std::vector<std::pair<std::string, std::string>>& moves,
                           const Lines& operations) {
      const auto before = datasets_by_h5py(file);
      Edit edit;
      auto expected = before;
      for (const auto& [from, to] : moves) {
        edit.move(from, to);
        expected.erase(from);
      }
      for (const auto& [from, to] : moves) expected[to] = before.at(from);
      std::filesystem::remove(dir / "b.h5");
      const auto result = edit_file(file, dir / "b.h5", edit);
      CHECK(operations_of(result) == join(operations, "\n"));
      CHECK(shown(datasets_by_h5py(dir / "b.h5")) == shown(expected));
    };
    check({{"a/x", "b/x"}, {"a/y", "b/y"}, {"b/x", "a/x"}, {"b/z", "a/z"}},
          {"move a → ckpt-moving-1", "move b → a", "move ckpt-moving-1 → b"});
    check({{"a/x", "a/a/x"}, {"a/y", "a/a/y"}},
          {"move a → ckpt-moving-1", "make-scope a", "move ckpt-moving-1 → a/a"});
    check({{"c/only", "a/only"}}, {"move c/only → a/only", "drop c"});
    check({{"a/x", "a/y"}, {"a/y", "c/only"}, {"c/only", "a/x"}},
          {"move a/y → ckpt-moving-1", "move a/x → a/y", "move c/only → a/x",
           "move ckpt-moving-1 → c/only"});
  }

  TEST_CASE("a native name that becomes a scope too gets :0, and loses it again") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    {
      const auto writer =
          create_checkpoint(file, {{.name = "dense/kernel", .shape = {2}, .collections = {}},
                                   {.name = "slot", .shape = {2}, .collections = {}}});
      const std::vector<float> values{1, 2};
      writer->write(0, as_byte_view(values));
      writer->write(1, as_byte_view(values));
      writer->commit();
    }
    const auto bytes = read_file(file);
    edit_file(file, "", {.moves = {{"slot", "dense/kernel/Adam"}}});
    CHECK(datasets_by_h5py(file).contains("dense/kernel:0"));
    CHECK(datasets_by_h5py(file).contains("dense/kernel/Adam"));
    CHECK(open_checkpoint(file)->find("dense/kernel"));
    edit_file(file, "", {.moves = {{"dense/kernel/Adam", "slot"}}});
    CHECK(datasets_by_h5py(file).contains("dense/kernel"));
    CHECK(open_checkpoint(file)->find("slot"));
    CHECK(open_checkpoint(file)->index().entries.size() == 2);
  }

  TEST_CASE("new tensors replace old ones with their attributes, and drops leave the rest alone") {
    const TempDir dir;
    const std::string original = dir / "a.h5";
    make_edited_file(original, "earliest");
    const std::string bytes = read_file(original);
    const auto before = datasets_by_h5py(original);
    Edit edit;
    edit.drops = {"model/block_0/w1", "model/block_2/w2"};
    edit.puts.push_back({.spec = {.name = "model/block_0/w1",
                                  .dtype = DType::kF16,
                                  .shape = {20},
                                  .collections = {}},
                         .replaces = "model/block_0/w1",
                         .produce = [](const Reader& reader, const auto& take) {
                           CHECK(reader.find("model/block_2/w2"));
                           const Bytes half(20, std::byte{0x3c});
                           take(half);
                           take(half);
                         }});
    for (const auto how : {InPlace::kReplace, InPlace::kJournal}) {
      const std::string file = dir / "c.h5";
      write_file(file, bytes);
      const auto result = edit_file(file, "", edit, {.in_place = how});
      CHECK(result.tensor_bytes == 40);
      auto after = datasets_by_h5py(file);
      CHECK(run_python("import h5py,sys; d=h5py.File(sys.argv[1])['model/block_0/w1'];"
                       "print(d.dtype, d.shape, d[3], d.attrs['trainable'])",
                       {file}) == "float16 (20,) 1.059 False\n");
      CHECK(after.erase("model/block_0/w1") == 1);
      auto expected = before;
      expected.erase("model/block_0/w1");
      expected.erase("model/block_2/w2");
      CHECK(shown(after) == shown(expected));
      REQUIRE(result.can_undo);
      find_format("hdf5")->undo(file, result.undo, {.in_place = how});
      CHECK((read_file(file) == bytes));
    }
    CHECK(error_of([&] {
            edit.puts[0].produce = [](const Reader&, const auto& take) { take(Bytes(39)); };
            edit_file(original, dir / "d.h5", edit);
          }) == "model/block_0/w1: fewer than the 40 bytes of its shape were given");
    CHECK_FALSE(std::filesystem::exists(dir / "d.h5"));
  }

  TEST_CASE("a repacked file gives back the room of what was dropped") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    {
      const auto writer =
          create_checkpoint(file, {{.name = "big", .shape = {100000}, .collections = {}},
                                   {.name = "small", .shape = {3}, .collections = {}}});
      writer->write(0, Bytes(400000));
      const std::vector<float> values{1, 2, 3};
      writer->write(1, as_byte_view(values));
      writer->commit();
    }
    const Edit edit{.moves = {{"small", "little"}}, .drops = {"big"}, .puts = {}};
    const auto result = edit_file(file, dir / "b.h5", edit, {.repack = true});
    CHECK(result.how == EditResult::How::kRepacked);
    CHECK(result.size_after < 10000);
    CHECK(std::filesystem::file_size(dir / "b.h5") == result.size_after);
    CHECK(run_python("import h5py,sys; print(h5py.File(sys.argv[1])['little'][:])",
                     {dir / "b.h5"}) == "[1. 2. 3.]\n");
    make_edited_file(dir / "plain.h5", "earliest");
    CHECK(error_of([&] { edit_file(dir / "plain.h5", dir / "c.h5", {}, {.repack = true}); }) ==
          "cannot be repacked: its layout is plain; files in this program's own layout can");
  }

  TEST_CASE("what cannot be is refused in a sentence, and nothing is written") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    make_edited_file(file, "earliest");
    const std::string bytes = read_file(file);
    const auto message = [&](const Edit& edit) {
      return error_of([&] { edit_file(file, "", edit); });
    };
    CHECK(message({.moves = {{"model/gone", "x"}, {"also gone", "y"}}}) ==
          "'model/gone', 'also gone': no such variable in the file");
    CHECK(message({.moves = {{"step", "model/chunked"}}}) ==
          "'model/chunked': two variables would have this name");
    CHECK(message({.moves = {{"step", "a"}}, .drops = {"step"}}) ==
          "'step': is to become two things at once");
    CHECK(message({.moves = {{"step", "model"}}}) ==
          "'model': would be a variable and a scope at once, which HDF5 cannot hold; files in this "
          "program's own layout can");
    CHECK(message({.moves = {{"step", "a//b"}}}) ==
          "HDF5 cannot hold 1 name: 'a//b' has an empty segment");
    CHECK(message({.moves = {{"step", "empty"}}}) ==
          "'empty' is taken by something that is no variable and stays");
    CHECK((read_file(file) == bytes));
    CHECK(error_of([&] {
            edit_file(file, file + ".no/b.h5", {});
          }).starts_with("cannot write in the folder "));
    CHECK(error_of([&] { find_format("hdf5")->edit(dir / "none.h5", "", {}, {}); }) ==
          "no such file");
    write_file(dir / "there.h5", "x");
    CHECK(error_of([&] { edit_file(file, dir / "there.h5", {}); }) ==
          "exists already; give another name, or replace it with --overwrite");
    CHECK(edit_file(file, "", {}).how == EditResult::How::kNothing);
    CHECK(edit_file(file, "", {.moves = {{"step", "steps"}}}, {.plan_only = true})
              .operations.size() == 1);
    CHECK((read_file(file) == bytes));
  }

  TEST_CASE("undo refuses a file that is not as the edit left it") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    make_edited_file(file, "earliest");
    const auto result = edit_file(file, "", {.moves = {{"step", "steps"}}});
    const auto undo = [&](const Undo& data) {
      return error_of([&] { find_format("hdf5")->undo(file, data, {}); });
    };
    const std::string edited = read_file(file);
    edit_file(file, "", {.moves = {{"steps", "other"}}});
    const std::string again = read_file(file);
    CHECK(undo(result.undo) ==
          (again.size() == edited.size()
               ? "is not as the edit left it: it was changed where the edit had changed it"
               : cat("is not as the edit left it: it has ", with_commas(again.size()),
                     " bytes, the edit left ", with_commas(edited.size()))));
    CHECK((read_file(file) == again));
    // Also where only a byte beside the edit's own has changed: undoing would mix two edits.
    const auto& last = result.undo.pieces.back();
    const std::size_t beside = last.offset + last.bytes.size();
    REQUIRE(beside % 4096 != 0);
    std::string touched = edited;
    touched[beside] = static_cast<char>(touched[beside] ^ 1);
    write_file(file, touched);
    CHECK(undo(result.undo) ==
          "is not as the edit left it: it was changed where the edit had changed it");
    CHECK((read_file(file) == touched));
    write_file(file, edited);
    Undo damaged = result.undo;
    damaged.pieces.front().bytes.front() ^= std::byte{1};
    CHECK(undo(damaged) == "the undo data has been damaged: its checksum does not match");
    CHECK(undo(result.undo) == "no error");
    const Bytes encoded = encode_undo(result.undo);
    for (std::size_t size = 0; size < encoded.size(); size += 7) {
      CHECK(error_code_of([&] { decode_undo(ByteView(encoded).first(size)); }) == Errc::kCorrupt);
    }
  }

  TEST_CASE(
      "a replaced file keeps its mode and attributes, links are followed, hard links noticed") {
    const TempDir dir;
    namespace fs = std::filesystem;
    const std::string file = dir / "a.h5";
    make_edited_file(file, "earliest");
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
    fs::create_symlink("a.h5", dir / "link.h5");
    edit_file(dir / "link.h5", "", {.moves = {{"step", "s2"}}}, {.in_place = InPlace::kReplace});
    CHECK(fs::is_symlink(dir / "link.h5"));
    CHECK(open_checkpoint(file)->find("s2"));
    CHECK(fs::status(file).permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read));
    fs::create_hard_link(file, dir / "hard.h5");
    // In place both names would have the change.
    CHECK(error_of([&] { edit_file(file, "", {.moves = {{"s2", "s3"}}}); }) ==
          "has 1 more name (a hard link), under which it would change, too; `--how replace` parts "
          "it from them, a new file leaves it as it is");
    const auto parted =
        edit_file(file, "", {.moves = {{"s2", "s4"}}}, {.in_place = InPlace::kReplace});
    CHECK(parted.notes == Lines{"the file has 1 more names (hard links), under which it stays as "
                                "it was"});
    CHECK(open_checkpoint(file)->find("s4"));
    CHECK(open_checkpoint(dir / "hard.h5")->find("s2"));
  }

  TEST_CASE("a file that another one has open is not edited") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    make_edited_file(file, "earliest");
    const auto reader = open_checkpoint(file);
    CHECK(error_of([&] {
            edit_file(file, "", {.moves = {{"step", "s"}}}, {.wait = Wait::zero()});
          }) ==
          "another program has it open (it holds a lock); try again when that program has closed "
          "it");
    CHECK(edit_file(file, dir / "b.h5", {.moves = {{"step", "s"}}}).how ==
          EditResult::How::kNewFile);
  }
}
