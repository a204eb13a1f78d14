#include <doctest/doctest.h>
#include <unistd.h>

#include "core/text.h"
#include "support/folder.h"

using namespace ckpt;

namespace fs = std::filesystem;

namespace {

std::string move_of(const DigitsAs& w) { return w.scope("conv1") + "=" + w.scope("stem"); }

}  // namespace

TEST_SUITE("tools/links") {
  TEST_CASE(
      "a file with a second name is not edited in place; --how replace parts it and says so") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      fs::create_hard_link(w.dir / file, w.dir / "second");
      const FolderBytes before = bytes_in(w.dir.path());
      const ProcessResult refused = w.ckpt({"remap", "-i", file, "-r", move_of(w)});
      CHECK(refused.status == 5);
      CHECK(refused.err ==
            cat("ckpt: ", file,
                ": has 1 more name (a hard link), under which it would change, too; `--how "
                "replace` parts it from them, a new file leaves it as it is\n"));
      CHECK((bytes_in(w.dir.path()) == before));
      const ProcessResult parted =
          w.ckpt({"remap", "-i", file, "--how", "replace", "-r", move_of(w)});
      CHECK(parted.status == 0);
      CHECK(parted.err.find("hard link") != std::string::npos);
      CHECK(read_file(w.dir / "second") == before.at(file));
      CHECK(fs::hard_link_count(w.dir / file) == 1);
      CHECK(w.ckpt({"undo", file}).status == 0);
      CHECK((checkpoints_in(w.dir.path()) == before));
    }
    const DigitsAs w("d.h5");
    fs::create_hard_link(w.dir / "d.h5", w.dir / "second");
    CHECK(w.ckpt({"remap", "-i", "d.h5", "--how", "journal", "-r", move_of(w)}).status == 5);
  }

  TEST_CASE("a shard with a second name keeps its bytes under that one") {
    for (const auto& of : std::vector<std::pair<std::string, std::string>>{
             {"d.index", "d.data-00000-of-00001"},
             {"s.safetensors.index.json", "s-00001-of-00003.safetensors"}}) {
      const std::string& file = of.first;
      const std::string& shard = of.second;
      CAPTURE(file);
      const DigitsAs w(file);
      fs::create_hard_link(w.dir / shard, w.dir / "second");
      const FolderBytes before = bytes_in(w.dir.path());
      const std::string bias = w.variable("conv1", "bias");
      for (const std::string& rule : {cat(bias, " = ", bias, " | cast(f16)"), move_of(w)}) {
        const ProcessResult edited = w.ckpt({"remap", "-i", file, "-r", rule});
        CAPTURE(edited.err);
        CHECK((edited.status == 0 || edited.status == 5));
        CHECK(read_file(w.dir / "second") == before.at(shard));
        if (edited.status == 5) CHECK((bytes_in(w.dir.path()) == before));
        if (edited.status == 0) CHECK(w.ckpt({"undo", file}).status == 0);
        CHECK((checkpoints_in(w.dir.path()) == before));
      }
    }
  }

  TEST_CASE(
      "a symbolic link is followed once, told, and stays; receipts lie beside the real file") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const FolderBytes before = bytes_in(w.dir.path());
      const TempDir other;
      fs::create_symlink(w.dir / file, other / "one");
      fs::create_symlink("one", other / file);
      const ProcessResult edited = run_ckpt({"remap", "-i", file, "-r", move_of(w)}, other.path());
      CHECK(edited.status == 0);
      const std::string real = fs::canonical(w.dir / file);
      CHECK(edited.err ==
            cat("ckpt: ", file, ": note: is a symbolic link; the file is ", real, "\n"));
      CHECK(edited.out.find(cat("receipt: ", real, ".ckpt-receipt.json")) != std::string::npos);
      CHECK(fs::is_symlink(other / file));
      CHECK(fs::is_symlink(other / "one"));
      CHECK(bytes_in(other.path()).size() == 2);
      CHECK(fs::exists(w.dir / (file + ".ckpt-receipt.json")));
      CHECK(run_ckpt({"undo", file}, other.path()).status == 0);
      CHECK((checkpoints_in(w.dir.path()) == before));
    }
  }

  TEST_CASE("links in loops, to nothing, to folders and devices are answered with a sentence") {
    const TempDir dir;
    fs::create_symlink("loop", dir / "loop");
    fs::create_symlink("nothing", dir / "dangling");
    fs::create_symlink(".", dir / "folder");
    fs::create_symlink("/dev/zero", dir / "zero");
    for (const std::string name : {"loop", "dangling", "folder", "zero"}) {
      CAPTURE(name);
      for (const std::vector<std::string>& command :
           std::vector<std::vector<std::string>>{{"ls", name},
                                                 {"recover", name},
                                                 {"undo", name},
                                                 {"remap", "-i", name, "-r", "a=b"}}) {
        const ProcessResult result = run_ckpt(command, dir.path());
        CHECK(result.status == 4);
        CHECK(result.err.starts_with(cat("ckpt: ", name, ": ")));
      }
    }
    const DigitsAs w("d.h5");
    for (const std::string name : {"loop", "folder", "zero"}) {
      CAPTURE(name);
      const ProcessResult result =
          run_ckpt({"remap", w.dir / "d.h5", name, "--overwrite", "-r", "conv1/=a/"}, dir.path());
      CHECK(result.status == 5);
      CHECK(result.err.starts_with(cat("ckpt: ", name, ": ")));
    }
  }

  TEST_CASE("names of any kind are edited and undone") {
    const std::vector<std::string> names{"a\nb.h5",
                                         " a b .h5",
                                         "\xff\xfe.h5",
                                         ".h5",
                                         "d:conv1.h5",
                                         "d.h5.ckpt-receipt.json.h5",
                                         "d.h5.ckpt-new",
                                         ".ckpt-0123456789abcdef-1.tmp",
                                         ".ckpt-0123456789abcdef.intent",
                                         "-d.h5",
                                         "$(x)'\".h5"};
    const DigitsAs w("d.h5");
    const std::string bytes = read_file(w.dir / "d.h5");
    for (const std::string& name : names) {
      CAPTURE(name);
      write_file(w.dir / name, bytes);
      const std::string path = "./" + name;
      CHECK(w.ckpt({"remap", "-i", path, "-r", "conv1/=stem/"}).status == 0);
      CHECK(fs::exists(w.dir / (name + ".ckpt-receipt.json")));
      CHECK(w.ckpt({"undo", path}).status == 0);
      CHECK((read_file(w.dir / name) == bytes));
    }
  }

  TEST_CASE("a name that begins as an option does stands behind --, and what is suggested runs") {
    const DigitsAs w("d.h5");
    const std::string bytes = read_file(w.dir / "d.h5");
    for (const std::string name : {"-d.h5", "it's $(x) a \"b\".h5", "a\nb\xff\\.h5", "plain.h5"}) {
      CAPTURE(name);
      write_file(w.dir / name, bytes);
      const ProcessResult edited = w.ckpt({"remap", "-i", "-r", "conv1/=stem/", "--", name});
      CHECK(edited.status == 0);
      CHECK((read_file(w.dir / name) != bytes));
      const auto at = edited.out.find("`ckpt undo ") + 1;
      const std::string command = edited.out.substr(at, edited.out.find('`', at) - at);
      CAPTURE(command);
      CHECK(command.find('\n') == std::string::npos);
      CHECK(w.shell(command).status == 0);
      CHECK((read_file(w.dir / name) == bytes));
    }
  }

  TEST_CASE("an OUT whose name, or whose receipt's, is too long is refused before it is written") {
    const DigitsAs w("d.h5");
    const auto before = states_in(w.dir.path());
    const auto remap_to = [&](std::size_t length, const std::string& option) {
      return w.shell(
          cat("\"$CKPT\" remap d.h5 ", std::string(length, 'n'), option, " -r conv1/=stem/"));
    };
    const ProcessResult no_receipt = remap_to(255, "");
    CHECK(no_receipt.status == 5);
    CHECK(no_receipt.err.find("`--no-receipt` edits without one") != std::string::npos);
    const ProcessResult no_name = remap_to(256, " --no-receipt");
    CHECK(no_name.status == 5);
    CHECK(no_name.err.find("cannot have that name: File name too long") != std::string::npos);
    CHECK((states_in(w.dir.path()) == before));
  }

  TEST_CASE("a name that leaves no room for its receipt says so, and --no-receipt edits") {
    for (const std::string end : {".h5", ".safetensors", ".npz"}) {
      const DigitsAs w("d" + end);
      const std::string bytes = read_file(w.dir / w.file);
      for (const std::size_t length : {237U, 238U, 239U, 250U, 255U}) {
        CAPTURE(length);
        const std::string name = std::string(length - end.size(), 'n') + end;
        write_file(w.dir / name, bytes);
        const ProcessResult result = w.ckpt({"remap", "-i", name, "-r", move_of(w)});
        if (length + std::string(".ckpt-receipt.json").size() <= 255) {
          CHECK(result.status == 0);
          CHECK(w.ckpt({"undo", name}).status == 0);
        } else {
          CHECK(result.status == 5);
          CHECK(result.err.find("`--no-receipt` edits without one") != std::string::npos);
          CHECK((read_file(w.dir / name) == bytes));
          CHECK(w.ckpt({"remap", "-i", name, "-r", move_of(w), "--no-receipt"}).status == 0);
        }
        fs::remove(w.dir / name);
      }
    }
  }

  TEST_CASE("a set or a bundle whose parts are links elsewhere is not written over") {
    for (const std::string& file : {std::string("d.index"), kEditedFiles.back()}) {
      CAPTURE(file);
      // An index that is a link, as in a cache of a hub: the shards lie elsewhere.
      const DigitsAs w(file);
      const TempDir view;
      fs::create_symlink(w.dir / file, view / file);
      const FolderBytes before = bytes_in(w.dir.path());
      const auto write_over = [&](const TempDir& dir) {
        return run_ckpt({"convert", CKPT_FIXTURES "/digits/digits.h5", dir / file, "--overwrite"},
                        dir.path());
      };
      const ProcessResult refused = write_over(view);
      CHECK(refused.status == 5);
      CHECK(refused.err.find("is a symbolic link") != std::string::npos);
      CHECK((bytes_in(w.dir.path()) == before));
      // An old shard that is a link, and would go.
      const std::string shard = before.rbegin()->first;
      fs::rename(w.dir / shard, view / shard);
      fs::create_symlink(view / shard, w.dir / shard);
      const auto states = states_in(w.dir.path());
      const ProcessResult kept = write_over(w.dir);
      CHECK(kept.status == 5);
      CHECK(kept.err.find("is a symbolic link") != std::string::npos);
      CHECK((states_in(w.dir.path()) == states));
      CHECK(w.ckpt({"ls", file}).status == 0);
    }
  }
}
