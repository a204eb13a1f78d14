#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "core/text.h"
#include "core/wire.h"
#include "storage/checksum.h"
#include "support/corpus.h"
#include "support/folder.h"
#include "support/sanitized.h"

using namespace ckpt;

namespace {

struct Row {
  std::string file;
  std::string what_is_wrong;
  std::string expected;
  std::string command;
  std::vector<std::string> keeps;
};

std::vector<Row> rows_of(const std::string& manifest) {
  std::vector<Row> rows;
  std::ifstream stream(manifest);
  std::string line;
  std::getline(stream, line);  // the heads of the columns
  while (std::getline(stream, line)) {
    const auto cells = split(line, "\t");
    Row row{std::string(cells.at(0)),
            std::string(cells.at(2)),
            std::string(cells.at(3)),
            std::string(cells.at(5)),
            {}};
    for (const std::string_view name : split(cells.at(6), " ")) {
      if (!name.empty()) row.keeps.emplace_back(name);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// Of the issue on the house: what they do today is said there.
const std::map<std::string, std::string> kLater{
    {"deep_name.safetensors", "a name of 30,000 segments takes minutes"},
    {"freespace_sum.h5", "doctor calls it healthy, status 0"},
    {"tail.h5", "each page of the hole is read"},
    {"tail.safetensors", "each page of the hole is read"}};

void copy_row(const Row& row, const TempDir& dir) {
  const std::filesystem::path from = hostile_path("turn2/" + row.file);
  if (std::filesystem::is_directory(from)) {
    std::filesystem::copy(from, dir.path(), std::filesystem::copy_options::recursive);
  } else {
    std::filesystem::copy(from, dir.path());
  }
  for (const auto& item : std::filesystem::directory_iterator(dir.path())) {
    std::filesystem::permissions(item.path(), std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
  }
}

// A set of two files by name, and what a record in its index's place would say.
struct Records {
  Records() {
    write_file(dir / "thesis.txt", "three years");
    write_file(dir / "x.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
    std::filesystem::create_directory(dir / "folder");
    write_file(dir / "folder/inside.txt", "inside");
    std::filesystem::create_symlink("thesis.txt", dir / "link");
    std::filesystem::create_hard_link(dir / "thesis.txt", dir / "hard");
  }
  TempDir dir;
};

}  // namespace

TEST_SUITE("tools/turn2") {
  TEST_CASE("each row is answered as its manifest says, and keeps what it names") {
    const auto rows = rows_of(hostile_path("turn2/MANIFEST.tsv"));
    if (rows.empty()) MESSAGE("SKIPPED: there is no hostile/turn2 in " CKPT_SHARED);
    int done = 0;
    for (const Row& row : rows) {
      CAPTURE(row.file);
      CAPTURE(row.command);
      if (const auto later = kLater.find(row.file); later != kLater.end()) {
        MESSAGE("not yet: " << row.file << ": " << later->second);
        continue;
      }
      if (row.command.find("strace") != std::string::npos &&
          (kSanitized || !has_program("strace"))) {
        continue;
      }
      const TempDir dir;
      copy_row(row, dir);
      for (const std::string& name : row.keeps) {
        if (!std::filesystem::exists(dir / name)) write_file(dir / name, "mine: " + name);
      }
      const FolderBytes before = bytes_in(dir.path());
      const ProcessResult result = run_shell(row.command, dir.path());
      CAPTURE(result.err);
      CHECK(result.status < 6);
      if (row.expected == "ok") CHECK(result.status == 0);
      if (row.expected == "error") {
        CHECK(result.status != 0);
        CHECK(result.err.starts_with("ckpt: "));
      }
      const FolderBytes after = bytes_in(dir.path());
      for (const std::string& name : row.keeps) {
        CAPTURE(name);
        REQUIRE(after.contains(name));
        CHECK((after.at(name) == before.at(name)));
      }
      ++done;
    }
    MESSAGE(done << " of " << rows.size() << " rows of the second turn");
  }

  TEST_CASE("no record in an index's place makes any command touch another file") {
    // Each place that a record may name, in each way that records have had.
    const Records files;
    const std::vector<std::string> names{"thesis.txt",
                                         "../thesis.txt",
                                         "/etc/hostname",
                                         "link",
                                         "hard",
                                         "folder",
                                         "folder/inside.txt",
                                         "",
                                         ".",
                                         "..",
                                         "/dev/null",
                                         "w.json",
                                         "x.safetensors\\u0000y"};
    int count = 0;
    for (const std::string& name : names) {
      for (const std::string& record : std::vector<std::string>{
               cat(R"({"ckpt_edit":{"gone":[")", name, R"("],"shards":[],"index":"{}"}})"),
               cat(R"({"ckpt_edit":{"gone":[],"shards":[")", name, R"("],"index":"{}"}})"),
               cat(R"({"ckpt_edit":{"gone":[],"new":[")", name, R"("],"index":"{}"}})"),
               cat(R"({"ckpt_edit":{"version":2,"files":[{"name":")", name,
                   R"(","before":"11 0123456789abcdef0123456789abcdef"}],"decider":"{}"}})"),
               cat(R"({"ckpt_edit":{"version":2,"files":[{"name":"x.safetensors","waiting":")",
                   name, R"("}],"decider":"{}"}})")}) {
        write_file(files.dir / "w.json", record);
        CAPTURE(record);
        const FolderBytes before = bytes_in(files.dir.path());
        const auto states = states_in(files.dir.path());
        for (const std::vector<std::string>& command :
             std::vector<std::vector<std::string>>{{"ls", "w.json"},
                                                   {"recover", "w.json"},
                                                   {"undo", "w.json"},
                                                   {"remap", "-i", "w.json", "-r", "a=b"}}) {
          const ProcessResult result = run_ckpt(command, files.dir.path());
          CAPTURE(command.front());
          CHECK(result.status == (command.front() == "undo" ? result.status : 4));
          CHECK(result.status != 0);
          CHECK(result.err.starts_with("ckpt: w.json: "));
          ++count;
        }
        CHECK((bytes_in(files.dir.path()) == before));
        CHECK((states_in(files.dir.path()) == states));
      }
    }
    CHECK(read_file(files.dir / "folder/inside.txt") == "inside");
    MESSAGE(count << " commands on forged records");
  }

  TEST_CASE("files that are called as temporaries are, and are not ours, stay") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const std::vector<std::string> names{".ckpt-1000.tmp",
                                           ".ckpt-best.pt.tmp",
                                           ".ckpt-0123456789abcdef.intent",
                                           ".ckpt-0123456789abcdef-1.tmp",
                                           ".ckpt-0123456789abcdeg.intent",
                                           ".ckpt-fedcba9876543210-1.tmp",
                                           ".ckpt-0123456789abcdef-1.tmp.bak",
                                           ".ckpt-tmp",
                                           file + ".ckpt-new",
                                           file + ".ckpt-tmp",
                                           file + ".tmp"};
      for (const std::string& name : names) write_file(w.dir / name, "mine: " + name);
      // The right name and mark, and another's digits; the right ones, and another's digits inside.
      write_file(w.dir / ".ckpt-aaaaaaaaaaaaaaaa.intent", "CKPTINT1bbbbbbbbbbbbbbbb");
      write_file(w.dir / ".ckpt-bbbbbbbbbbbbbbbb-1.tmp", "mine, too");
      const FolderBytes before = bytes_in(w.dir.path());
      CHECK(w.ckpt({"remap", "-i", file, "-r", w.scope("conv1") + "=" + w.scope("stem")}).status ==
            0);
      CHECK(w.ckpt({"recover", file}).status == 0);
      CHECK(w.ckpt({"undo", file}).status == 0);
      CHECK((checkpoints_in(w.dir.path()) == before));
    }
  }

  TEST_CASE("an intent that was written by hand takes away nothing that is no data shard") {
    const DigitsAs w("d.index");
    const std::string digits = "0123456789abcdef";
    write_file(w.dir / "thesis.txt", "three years");
    struct stat status {};
    REQUIRE(::stat((w.dir / "thesis.txt").c_str(), &status) == 0);
    std::string intent;
    const auto add_row = [&](const std::function<void(WireWriter&)>& fill) {
      WireWriter inner;
      fill(inner);
      WireWriter row;
      row.bytes(inner.result());
      row.number(short_checksum(inner.result()));
      intent += as_text(row.result());
    };
    add_row([&](WireWriter& row) {
      row.text("CKPTINT1");
      row.text(digits);
      row.text("d.index");
    });
    add_row([&](WireWriter& row) {  // a file that the index does not name
      row.number(2);
      row.number(status.st_ino);
      row.text("thesis.txt");
      for (const auto number : {static_cast<std::int64_t>(status.st_size),
                                static_cast<std::int64_t>(status.st_mtim.tv_sec),
                                static_cast<std::int64_t>(status.st_mtim.tv_nsec)}) {
        row.number(static_cast<std::uint64_t>(number));
      }
    });
    add_row([&](WireWriter& row) {  // one that has grown from nothing
      row.number(1);
      row.number(0);
      row.text("thesis.txt");
    });
    for (const std::string command : {"ls", "recover", "undo"}) {
      write_file(w.dir / cat(".ckpt-", digits, ".intent"), intent);
      static_cast<void>(w.ckpt({command, "d.index"}));
      REQUIRE(std::filesystem::exists(w.dir / "thesis.txt"));
      CHECK(read_file(w.dir / "thesis.txt") == "three years");
    }
    // It was taken for an intent: `recover` removes it.
    CHECK(w.ckpt({"recover", "d.index"}).status == 0);
    CHECK_FALSE(std::filesystem::exists(w.dir / cat(".ckpt-", digits, ".intent")));
  }

  TEST_CASE("undo data that was changed by hand is refused whole, at every byte") {
    const DigitsAs w("d.index");
    const FolderBytes old = checkpoints_in(w.dir.path());
    REQUIRE(w.ckpt({"remap", "-i", w.file, "-r", "dense/bias = dense/bias | cast(f16)",
                    "--no-companions"})
                .status == 0);
    const FolderBytes edited = bytes_in(w.dir.path());
    const std::string path = w.dir / "d.index.ckpt-receipt.undo";
    const std::string undo = read_file(path);
    const std::size_t step = std::max<std::size_t>(undo.size() / 60, 1);
    for (std::size_t at = 0; at < undo.size(); at += step) {
      CAPTURE(at);
      std::string forged = undo;
      forged[at] = static_cast<char>(forged[at] ^ 0x11);
      write_file(path, forged);
      const ProcessResult result = w.ckpt({"undo", w.file});
      CHECK(result.status >= 2);
      CHECK(result.status <= 4);
      FolderBytes after = bytes_in(w.dir.path());
      after["d.index.ckpt-receipt.undo"] = undo;
      CHECK((after == edited));
    }
    write_file(path, undo);
    CHECK(w.ckpt({"undo", w.file}).status == 0);
    CHECK((checkpoints_in(w.dir.path()) == old));
  }
}
