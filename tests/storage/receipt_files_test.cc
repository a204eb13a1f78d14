#include "storage/receipt_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "storage/locked_file.h"
#include "support/disk_log.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

std::string write_receipt(const std::string& file, const std::string& text, bool with_undo = true) {
  const LockedFile locked(file, LockFor::kReading);
  NewReceipt receipt(file, locked.fd());
  const Undo undo{.size_before = 1, .size_after = 1};
  receipt.write([&](const NewReceipt::WriteText& out) { out(text); }, with_undo ? &undo : nullptr);
  receipt.keep();
  return std::filesystem::path(receipt.path()).filename();
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

}  // namespace

TEST_SUITE("storage/receipt_files") {
  TEST_CASE(
      "receipts are numbered behind all that are there, also behind gaps and lone undo data") {
    const TempDir dir;
    const std::string file = dir / "m.pt";
    write_file(file, "x");
    CHECK(write_receipt(file, "a") == "m.pt.ckpt-receipt.json");
    CHECK(write_receipt(file, "b") == "m.pt.ckpt-receipt-2.json");
    write_file(dir / "m.pt.ckpt-receipt-7.undo", "alone");
    for (const char* other :
         {"m.pt.ckpt-receipt-9x.json", "m.pt.ckpt-receipt--12.json", "m.pt.ckpt-receipt-1.json",
          "m.pt.ckpt-receipt-0.json", "n.pt.ckpt-receipt-40.json", "m.pt.ckpt-receipt.json.bak"}) {
      write_file(dir / other, "no receipt of it");
    }
    CHECK(write_receipt(file, "c") == "m.pt.ckpt-receipt-8.json");
    forget_receipt(dir / "m.pt.ckpt-receipt-2.json");
    CHECK(!std::filesystem::exists(dir / "m.pt.ckpt-receipt-2.undo"));
    CHECK(write_receipt(file, "d", false) == "m.pt.ckpt-receipt-9.json");
    std::vector<int> numbers;
    for (const ReceiptFile& receipt : receipts_of(file)) numbers.push_back(receipt.number);
    CHECK(numbers == std::vector<int>{9, 8, 1});
    CHECK(read_file(dir / "m.pt.ckpt-receipt-7.undo") == "alone");
  }

  TEST_CASE("two at once have numbers of their own, and one that fails takes away its own only") {
    const TempDir dir;
    const std::string file = dir / "m.pt";
    write_file(file, "x");
    const LockedFile locked(file, LockFor::kReading);
    const Undo undo{.size_before = 1, .size_after = 1};
    {
      NewReceipt late(file, locked.fd());
      // Another's comes while the first is written.
      late.write(
          [&](const NewReceipt::WriteText& out) {
            static bool is_first = true;
            if (is_first) {
              is_first = false;
              write_file(dir / "m.pt.ckpt-receipt.json", "theirs");
              write_file(dir / "m.pt.ckpt-receipt-2.undo", "theirs, too");
            }
            out("late");
          },
          &undo);
      CHECK(late.path() == dir / "m.pt.ckpt-receipt-3.json");
    }
    CHECK(
        (files_in_folder(dir.path()) == FolderFiles{{"m.pt", "x"},
                                                    {"m.pt.ckpt-receipt.json", "theirs"},
                                                    {"m.pt.ckpt-receipt-2.undo", "theirs, too"}}));
  }

  TEST_CASE("a name that leaves no room for its receipt is told before anything is made") {
    const TempDir dir;
    for (const std::size_t length : std::initializer_list<std::size_t>{230, 237, 238, 239, 255}) {
      const std::string file = dir / std::string(length, 'n');
      write_file(file, "x");
      const std::string error = error_of([&] { write_receipt(file, "a"); });
      CAPTURE(length);
      if (length + 18 <= 255) {
        CHECK(error == "no error");
        continue;
      }
      CHECK(error.find(std::to_string(length + 18) +
                       " bytes, and 255 are the most; `--no-receipt`") != std::string::npos);
      CHECK(receipts_of(file).empty());
    }
  }

  TEST_CASE("a receipt and its undo data may be read by nobody who may not read the file") {
    const TempDir dir;
    const std::string file = dir / "m.pt";
    write_file(file, "x");
    for (const unsigned mode : {0600U, 0640U, 0400U, 0644U, 0755U}) {
      std::filesystem::permissions(file, std::filesystem::perms(mode));
      const std::string name = write_receipt(file, "a");
      CHECK((mode_of(dir / name) & ~mode) == 0);
      CHECK((mode_of(undo_path(dir / name)) & ~mode) == 0);
      rewrite_receipt(dir / name, "b");
      CHECK((mode_of(dir / name) & ~mode) == 0);
      CHECK(read_file(dir / name) == "b");
    }
  }

  TEST_CASE("the file of a receipt is known by its name") {
    CHECK(file_of_receipt("a/m.pt.ckpt-receipt.json") == "a/m.pt");
    CHECK(file_of_receipt("m.pt.ckpt-receipt-12.json") == "m.pt");
    for (const char* other : {"m.pt.ckpt-receipt-1.json", "m.pt.ckpt-receipt-x.json",
                              "m.pt.ckpt-receipt.undo", "m.pt.json", ".ckpt-receipt.json"}) {
      CHECK(file_of_receipt(other) == "");
    }
  }
}
