#include "storage/change_record.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/text.h"
#include "storage/change.h"
#include "support/disk_log.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

Fingerprint print_of_text(std::string_view text) {
  return fingerprint_of(*memory_file(Bytes(as_byte_view(text).begin(), as_byte_view(text).end())));
}

const std::string kWaits = ".ckpt-00112233445566ff-1.tmp";

// A folder in which a record of three files would be carried out.
void fill_for_record(const TempDir& dir) {
  fill_folder(dir.path(), {{"m.toy", "the record"},
                           {"front.bin", "old front and rest"},
                           {"placed.bin", "old"},
                           {"gone.bin", "goes"},
                           {"thesis.txt", "all of it"},
                           {kWaits, "new"}});
}

ChangeRecord sound_record() {
  return {.files = {{.name = "front.bin",
                     .waiting = "",
                     .front = "new",
                     .before = print_of_text("old front and rest"),
                     .after = print_of_text("new front and rest")},
                    {.name = "placed.bin",
                     .waiting = kWaits,
                     .front = "",
                     .before = print_of_text("old"),
                     .after = print_of_text("new")},
                    {.name = "gone.bin",
                     .waiting = "",
                     .front = "",
                     .before = print_of_text("goes"),
                     .after = {}}},
          .decider = "the new one"};
}

// Refused at once, and nothing is touched.
void check_refused(const TempDir& dir, const ChangeRecord& record) {
  const FolderFiles before = files_in_folder(dir.path());
  CHECK(error_code_of([&] { RecordedChange(dir / "m.toy", record); }) == Errc::kCorrupt);
  CHECK((files_in_folder(dir.path()) == before));
}

}  // namespace

TEST_SUITE("storage/change_record") {
  TEST_CASE("a sound record is carried out, once and again") {
    const TempDir dir;
    fill_for_record(dir);
    const ChangeRecord record = sound_record();
    for (int i = 0; i < 2; ++i) {
      const RecordedChange change(dir / "m.toy", record);
      CHECK(change.open("placed.bin")->size() == 3);
      CHECK(change.open("gone.bin") == nullptr);
      CHECK(change.open("other.bin") == nullptr);
      change.carry_out({}, Wait::zero());
      CHECK((files_in_folder(dir.path()) == FolderFiles{{"m.toy", "the record"},
                                                        {"front.bin", "new front and rest"},
                                                        {"placed.bin", "new"},
                                                        {"thesis.txt", "all of it"}}));
    }
  }

  TEST_CASE("names that lead elsewhere, and the decider itself, are refused") {
    const TempDir dir;
    fill_for_record(dir);
    for (const std::string name :
         {"../front.bin", "/etc/passwd", "sub/front.bin", "", ".", "..", "m.toy"}) {
      for (std::size_t i = 0; i < 3; ++i) {
        ChangeRecord record = sound_record();
        record.files[i].name = name;
        CAPTURE(name);
        CAPTURE(i);
        check_refused(dir, record);
      }
    }
    ChangeRecord record = sound_record();
    record.files[0].name = "../front.bin";
    CHECK(error_of([&] { RecordedChange(dir / "m.toy", record); }) ==
          "../front.bin: the record of an interrupted edit speaks of it, which is no plain name of "
          "a file beside it, or would come from a file that is no temporary of an edit");
  }

  TEST_CASE("a file that waits must be called as temporaries are") {
    const TempDir dir;
    for (const std::string name :
         {"thesis.txt", "m.toy", "../thesis.txt", ".ckpt-1000.tmp", ".ckpt-00112233445566FF-1.tmp",
          ".ckpt-00112233445566ff-x.tmp", ".ckpt-00112233445566ff-.tmp",
          ".ckpt-00112233445566ff.intent", ".ckpt-00112233445566ff-1.tmp.bak"}) {
      fill_for_record(dir);
      write_file(dir / "sub", "x");
      ChangeRecord record = sound_record();
      record.files[1].waiting = name;
      if (std::filesystem::path(name).filename() == name && name != "m.toy")
        write_file(dir / name, "new");
      CAPTURE(name);
      check_refused(dir, record);
    }
  }

  TEST_CASE("files in another state than the record says are refused") {
    const TempDir dir;
    for (const std::string name : {"front.bin", "placed.bin", "gone.bin", kWaits.c_str()}) {
      fill_for_record(dir);
      write_file(dir / name, "something else of mine");
      CAPTURE(name);
      check_refused(dir, sound_record());
    }
    for (const std::string name : {"front.bin", "placed.bin", kWaits.c_str()}) {
      fill_for_record(dir);
      std::filesystem::remove(dir / name);
      CAPTURE(name);
      check_refused(dir, sound_record());
    }
    fill_for_record(dir);
    ChangeRecord record = sound_record();
    record.files[1].before.reset();  // says that nothing was there
    check_refused(dir, record);
    record = sound_record();
    record.files[1].after.reset();
    check_refused(dir, record);
    record = sound_record();
    record.files[0].after = record.files[0].before;
    check_refused(dir, record);
    record = sound_record();
    record.files[0].before.reset();
    check_refused(dir, record);
    record = sound_record();
    record.files[0].front.resize(500, 'x');
    check_refused(dir, record);
    record = sound_record();
    record.files[2].before.reset();  // goes, but was not there
    check_refused(dir, record);
  }

  TEST_CASE("links, folders and pipes are refused") {
    const TempDir dir;
    const TempDir elsewhere;
    for (const std::string name : {"front.bin", "placed.bin", "gone.bin", kWaits.c_str()}) {
      for (int kind = 0; kind < 3; ++kind) {
        fill_for_record(dir);
        const std::string content = read_file(dir / name);
        std::filesystem::remove(dir / name);
        write_file(elsewhere / "there", content);
        if (kind == 0) std::filesystem::create_symlink(elsewhere / "there", dir / name);
        if (kind == 1) std::filesystem::create_directory(dir / name);
        if (kind == 2) REQUIRE(::mkfifo((dir / name).c_str(), 0600) == 0);
        CAPTURE(name);
        CAPTURE(kind);
        CHECK(error_code_of([&] { RecordedChange(dir / "m.toy", sound_record()); }) ==
              Errc::kCorrupt);
        CHECK(read_file(elsewhere / "there") == content);
        CHECK(read_file(dir / "thesis.txt") == "all of it");
        std::filesystem::remove_all(dir / name);
      }
    }
  }

  TEST_CASE("two rows of one file are refused") {
    const TempDir dir;
    fill_for_record(dir);
    ChangeRecord record = sound_record();
    record.files.push_back(record.files[1]);
    check_refused(dir, record);
  }

  TEST_CASE("a change that could not be carried out is not decided") {
    const TempDir dir;
    fill_folder(dir.path(), {{"m.toy", "the old one"}, {"front.bin", "old front and rest"}});
    const auto change_with = [&](const std::function<void(Change&)>& meanwhile) {
      const LockedFile locked(dir / "m.toy", LockFor::kChanging);
      Change change(locked, Wait::zero());
      change.put("shard.bin").write_at(0, as_byte_view(std::string_view("new")));
      change.put_front("front.bin", "new", stamp_of(dir / "front.bin"));
      change.decider().write_at(0, as_byte_view(std::string_view("the new one")));
      meanwhile(change);
      change.commit({}, [](const ChangeRecord&, Blocks& out) { out.add("the record"); });
    };
    // Another program has taken a name that was free.
    CHECK(error_code_of([&] {
            change_with([&](Change&) { write_file(dir / "shard.bin", "another's"); });
          }) == Errc::kWrite);
    CHECK((files_in_folder(dir.path()) == FolderFiles{{"m.toy", "the old one"},
                                                      {"front.bin", "old front and rest"},
                                                      {"shard.bin", "another's"}}));
    std::filesystem::remove(dir / "shard.bin");
    // What is to go lies elsewhere.
    const TempDir elsewhere;
    write_file(elsewhere / "gone.bin", "theirs");
    std::filesystem::create_symlink(elsewhere / "gone.bin", dir / "gone.bin");
    CHECK(error_code_of([&] { change_with([](Change& change) { change.remove("gone.bin"); }); }) ==
          Errc::kWrite);
    CHECK(read_file(dir / "m.toy") == "the old one");
    CHECK(read_file(elsewhere / "gone.bin") == "theirs");
  }
}
