#include <doctest/doctest.h>
#include <sys/stat.h>

#include "core/text.h"
#include "storage/undo.h"
#include "support/folder.h"
#include "support/sanitized.h"

using namespace ckpt;

namespace {

std::string mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return cat((status.st_mode >> 6U) & 7U, (status.st_mode >> 3U) & 7U, status.st_mode & 7U);
}

ProcessResult move(const DigitsAs& w, const std::string& from, const std::string& to) {
  return w.ckpt({"remap", "-i", w.file, "-r", w.scope(from) + "=" + w.scope(to)});
}

}  // namespace

TEST_SUITE("tools/receipts") {
  TEST_CASE(
      "undo goes back step by step, says by which receipt, and knows when it is at the start") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const FolderBytes old = bytes_in(w.dir.path());
      REQUIRE(move(w, "conv1", "a").status == 0);
      REQUIRE(move(w, "conv2", "b").status == 0);
      const std::string list = w.ckpt({"undo", file, "--list"}).out;
      CHECK(list.starts_with(cat(
          file, ".ckpt-receipt-2.json: the file is as it left it; `ckpt undo` takes it back\n",
          file, ".ckpt-receipt.json: of another state of the file: is not as the edit left it")));
      CHECK(w.ckpt({"undo", file}).out == cat(file, ": is as it was before 6 names changed, by ",
                                              file, ".ckpt-receipt-2.json\n"));
      CHECK(w.ckpt({"undo", file}).out ==
            cat(file, ": is as it was before 14 names changed, by ", file, ".ckpt-receipt.json\n"));
      CHECK((checkpoints_in(w.dir.path()) == old));
      const auto states = states_in(w.dir.path());
      const ProcessResult again = w.ckpt({"undo", file});
      CHECK(again.status == 0);
      CHECK(again.out.find("already; nothing to undo") != std::string::npos);
      CHECK((states_in(w.dir.path()) == states));
      CHECK(w.ckpt({"undo", file, "--list"}).out ==
            cat(file, ".ckpt-receipt-2.json: undone\n", file, ".ckpt-receipt.json: undone\n"));
    }
  }

  TEST_CASE("a small edit can be undone: undo data of few bytes is not called damaged") {
    const DigitsAs w("d.h5");
    const FolderBytes old = bytes_in(w.dir.path());
    REQUIRE(w.ckpt({"remap", "-i", "d.h5", "-r", "logits/bias = -"}).status == 0);
    CHECK(std::filesystem::file_size(w.dir / "d.h5.ckpt-receipt.undo") < 240);
    const ProcessResult undone = w.ckpt({"undo", "d.h5"});
    CHECK(undone.out ==
          "d.h5: is as it was before its tensors changed, by d.h5.ckpt-receipt.json\n");
    CHECK(undone.err == "");
    CHECK((checkpoints_in(w.dir.path()) == old));
  }

  TEST_CASE("an edit after an undo has the next number, and no receipt is written over") {
    const DigitsAs w("d.npz");
    REQUIRE(move(w, "conv1", "a").status == 0);
    REQUIRE(w.ckpt({"undo", w.file}).status == 0);
    const std::string first = read_file(w.dir / "d.npz.ckpt-receipt.json");
    REQUIRE(move(w, "conv1", "b").status == 0);
    CHECK(read_file(w.dir / "d.npz.ckpt-receipt.json") == first);
    CHECK(read_file(w.dir / "d.npz.ckpt-receipt-2.json").find("\"b/kernel\"") != std::string::npos);
    // Verify takes the one that fits.
    const DigitsAs old("d.npz");
    const ProcessResult verified = w.ckpt({"verify", w.file, "--against", old.dir / "d.npz"});
    CHECK(verified.status == 0);
    CHECK(verified.err == "");
    // Of an undone edit it needs none, and says nothing of it.
    REQUIRE(w.ckpt({"undo", w.file}).status == 0);
    const ProcessResult undone = w.ckpt({"verify", w.file, "--against", old.dir / "d.npz"});
    CHECK(undone.status == 0);
    CHECK(undone.err == "");
  }

  TEST_CASE("--forget removes what is undone, one by its number, or all, and nothing else") {
    const DigitsAs w("d.h5");
    REQUIRE(move(w, "conv1", "a").status == 0);
    REQUIRE(move(w, "conv2", "b").status == 0);
    REQUIRE(w.ckpt({"undo", "d.h5"}).status == 0);
    write_file(w.dir / "d.h5.ckpt-receipt-mine.json", "mine");
    write_file(w.dir / "d.h5.ckpt-receipt-02.json", "mine");
    write_file(w.dir / "x.d.h5.ckpt-receipt.json", "mine");
    CHECK(w.ckpt({"undo", "d.h5", "--forget", "-n"}).out ==
          "d.h5.ckpt-receipt-2.json: would be removed\n");
    CHECK(w.ckpt({"undo", "d.h5", "--forget"}).out == "d.h5.ckpt-receipt-2.json: removed\n");
    CHECK(w.ckpt({"undo", "d.h5", "--forget", "7"}).out == "d.h5: there is nothing to forget\n");
    CHECK(w.ckpt({"undo", "d.h5", "--forget", "1"}).out == "d.h5.ckpt-receipt.json: removed\n");
    CHECK(w.ckpt({"undo", "d.h5", "--forget", "all"}).out == "d.h5: there is nothing to forget\n");
    CHECK(count_ending(w.dir.path(), ".undo") == 0);
    CHECK(count_ending(w.dir.path(), ".json") == 3);
    CHECK(w.ckpt({"ls", "d.h5:a"}).status == 0);
  }

  TEST_CASE("receipts that were edited by hand are answered with a sentence, and touch nothing") {
    const DigitsAs old("d.safetensors");
    const DigitsAs w("d.safetensors");
    REQUIRE(move(w, "conv1", "a").status == 0);
    const std::string path = w.dir / "d.safetensors.ckpt-receipt.json";
    const std::string receipt = read_file(path);
    const FolderBytes before = checkpoints_in(w.dir.path());
    write_file(w.dir / "thesis.txt", "three years");
    std::string other = receipt;
    for (auto at = other.find("d.safetensors"); at != std::string::npos;
         at = other.find("d.safetensors", at + 10)) {
      other.replace(at, 13, "thesis.txt");
    }
    for (const std::string& forged : std::vector<std::string>{"", "{}", "[]", "null", "\xff\xfe",
                                                              receipt.substr(0, receipt.size() / 2),
                                                              std::string(2000, '['), other}) {
      CAPTURE(forged.substr(0, 200));
      write_file(path, forged);
      const ProcessResult undone = w.ckpt({"undo", "-n", w.file});
      CHECK(undone.status < 6);
      if (undone.status != 0) CHECK(undone.err.starts_with("ckpt: "));
      CHECK(w.ckpt({"verify", w.file, "--against", old.dir / old.file}).status < 5);
      CHECK(w.ckpt({"undo", w.file, "--list"}).status == 0);
      CHECK(read_file(w.dir / "thesis.txt") == "three years");
      CHECK(read_file(w.dir / w.file) == before.at(w.file));
    }
  }

  TEST_CASE("receipts and undo data are no wider than the file, and the file keeps what it had") {
    for (const std::string& file : kEditedFiles) {
      for (const std::string mode : {"600", "640", "644"}) {
        CAPTURE(file);
        CAPTURE(mode);
        const DigitsAs w(file);
        const bool has_attributes =
            w.shell(cat("chmod ", mode, " *; setfattr -n user.owner -v me ", file)).status == 0;
        const ProcessResult edited = w.shell(
            cat("umask 0; ckpt remap -i ", file, " -r ", w.scope("conv1"), "=", w.scope("a")));
        CHECK(edited.status == 0);
        for (const auto& item : bytes_in(w.dir.path())) {
          const std::string& name = item.first;
          CAPTURE(name);
          const bool is_receipt = name.find(".ckpt-receipt") != std::string::npos;
          const std::string wanted = is_receipt && mode == "644" ? "644" : mode;
          CHECK(mode_of(w.dir / name) == wanted);
        }
        CHECK(w.shell(cat("umask 0; ckpt undo ", file)).status == 0);
        CHECK(mode_of(w.dir / (file + ".ckpt-receipt.json")) == mode);
        CHECK(mode_of(w.dir / file) == mode);
        if (has_attributes) {
          CHECK(w.shell(cat("getfattr --only-values -n user.owner ", file)).out == "me");
        }
        REQUIRE(w.shell(cat("umask 0; ckpt remap ", file, " o", file.substr(file.find('.')), " -r ",
                            w.scope("conv1"), "=", w.scope("a")))
                    .status == 0);
        CHECK(mode_of(w.dir / cat("o", file.substr(file.find('.')), ".ckpt-receipt.json")) == mode);
      }
    }
  }

  TEST_CASE("a receipt that cannot be marked as undone is said, status 7, and the file is undone") {
    if (kSanitized || !has_program("strace")) return;
    const DigitsAs w("d.h5");
    const FolderBytes old = bytes_in(w.dir.path());
    int marked = 0;
    for (int when = 1; when < 12; ++when) {
      CAPTURE(when);
      REQUIRE(move(w, "conv1", "a").status == 0);
      const FolderBytes edited = bytes_in(w.dir.path());
      const ProcessResult undone =
          w.shell(cat("strace -f -qq --seccomp-bpf -o /dev/null -e trace=rename -e "
                      "inject=rename:error=EIO:when=",
                      when, "+ \"$CKPT\" undo d.h5"));
      CAPTURE(undone.err);
      if (undone.status == 7) {
        ++marked;
        CHECK(undone.err.starts_with(
            "ckpt: d.h5: is as it was before, but its receipt could not be marked as undone: "));
        CHECK((checkpoints_in(w.dir.path()) == old));
        // It is recognised all the same, and marked then.
        CHECK(w.ckpt({"undo", "d.h5"}).out.find("already; nothing to undo") != std::string::npos);
        CHECK(w.ckpt({"undo", "d.h5", "--list"}).out.find(": undone\n") != std::string::npos);
      } else if (undone.status == 5) {
        CHECK((bytes_in(w.dir.path()) == edited));
        CHECK(w.ckpt({"undo", "d.h5"}).status == 0);
      } else {
        CHECK(undone.status == 0);
        CHECK((checkpoints_in(w.dir.path()) == old));
      }
      CHECK(w.ckpt({"undo", "d.h5", "--forget", "all"}).status == 0);
      if (undone.status == 0) break;
    }
    CHECK(marked > 0);
  }

  TEST_CASE("what is written over stays as private as it was, all files of it") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      REQUIRE(w.shell("chmod 600 *").status == 0);
      REQUIRE(w.shell(cat("umask 0; ckpt convert ", CKPT_FIXTURES "/digits/digits.h5 ", file,
                          " --overwrite"))
                  .status == 0);
      for (const auto& item : bytes_in(w.dir.path())) {
        const std::string& name = item.first;
        CAPTURE(name);
        CHECK(mode_of(w.dir / name) == "600");
      }
    }
  }

  TEST_CASE("a set whose index is the same is not taken for undone while a shard is edited") {
    const DigitsAs w("s.safetensors.index.json");
    const FolderBytes old = bytes_in(w.dir.path());
    const auto turn = [&](const std::string& dtype, const std::string& option) {
      return w.ckpt({"remap", "-i", w.file, "--no-companions", "-r",
                     cat("dense.kernel = dense.kernel | cast(", dtype, ") | cast(f32)"), option});
    };
    REQUIRE(turn("f16", "--digests").status == 0);
    const FolderBytes once = checkpoints_in(w.dir.path());
    REQUIRE(old.at(w.file) == once.at(w.file));
    REQUIRE(turn("bf16", "--no-receipt").status == 0);
    const ProcessResult refused = w.ckpt({"undo", w.file});
    CHECK(refused.status == 3);
    CHECK(refused.out.empty());
    for (const auto& [name, bytes] : once) write_file(w.dir / name, bytes);
    CHECK(w.ckpt({"undo", w.file}).status == 0);
    CHECK((checkpoints_in(w.dir.path()) == old));
    CHECK(w.ckpt({"undo", w.file}).out.find("already; nothing to undo") != std::string::npos);
  }

  TEST_CASE("undo data cannot make another's file a shard by its own old index") {
    const DigitsAs w("s.safetensors.index.json");
    REQUIRE(move(w, "conv1", "a").status == 0);
    const std::string path = w.dir / (w.file + ".ckpt-receipt.undo");
    Undo undo = decode_undo(as_byte_view(std::string_view(read_file(path))));
    const std::string shard = undo.beside_names.at(0);
    write_file(w.dir / "train.py", read_file(w.dir / shard));
    undo.beside_names[0] = "train.py";
    std::string index(as_text(undo.pieces.at(0).bytes));
    for (auto at = index.find(shard); at != std::string::npos; at = index.find(shard)) {
      index.replace(at, shard.size(), "train.py");
    }
    undo.pieces[0].bytes.assign(as_byte_view(index).begin(), as_byte_view(index).end());
    undo.size_before = index.size();
    Checksum sum;  // Undo::digest_before
    sum.add_number(0);
    sum.add_number(index.size());
    sum.add(as_byte_view(index));
    undo.digest_before = sum.value();
    write_file(path, as_text(encode_undo(undo)));
    const FolderBytes before = bytes_in(w.dir.path());
    const ProcessResult refused = w.ckpt({"undo", w.file});
    CAPTURE(refused.err);
    CHECK(refused.status != 0);
    CHECK(refused.err.find("train.py") != std::string::npos);
    CHECK((bytes_in(w.dir.path()) == before));
  }

  TEST_CASE("a set of which too much is dropped says so, and promises no way back") {
    const TempDir dir;
    std::string index = "{\"weight_map\": {";
    for (const std::string shard : {"a", "b"}) {
      const std::uint64_t size = std::uint64_t{40} << 20U;
      const std::string header =
          cat("{\"", shard, ".big\":{\"dtype\":\"U8\",\"shape\":[", size, "],\"data_offsets\":[0,",
              size, "]},\"", shard, ".small\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[",
              size, ",", size + 1, "]}}");
      std::string front(8, '\0');
      for (std::size_t i = 0; i < 8; ++i) front[i] = static_cast<char>(header.size() >> (8 * i));
      const std::string file = dir / cat(shard, ".safetensors");
      write_file(file, front + header);
      std::filesystem::resize_file(file, front.size() + header.size() + size + 1);
      for (const std::string name : {".big", ".small"}) {
        index += cat("\"", shard, name, "\": \"", shard, ".safetensors\", ");
      }
    }
    index.resize(index.size() - 2);
    write_file(dir / "m.safetensors.index.json", index + "}}");
    const ProcessResult result = run_ckpt({"remap", "-i", "m.safetensors.index.json", "-r",
                                           "{s}.small = {s}.small", "--rest", "drop"},
                                          dir.path());
    CAPTURE(result.err);
    CHECK(result.status == 0);
    CHECK(result.err.find("it cannot be undone: 83,886,") != std::string::npos);
    CHECK(result.out.find("`ckpt undo") == std::string::npos);
    CHECK(count_ending(dir.path(), ".undo") == 0);
  }

  TEST_CASE("--forget removes receipts alone, whatever else is called as they are") {
    const DigitsAs w("d.h5");
    REQUIRE(move(w, "conv1", "a").status == 0);
    const std::string receipt = "d.h5.ckpt-receipt";
    FolderBytes kept = checkpoints_in(w.dir.path());
    kept[receipt + "-5.json"] = kept.at("d.h5");  // a checkpoint
    kept[receipt + "-5.undo"] = "precious";
    kept[receipt + "-7.json"] = "{\"my\": \"notes\"}";
    for (const auto& [name, bytes] : kept) write_file(w.dir / name, bytes);
    CHECK(w.ckpt({"undo", "--forget", "all", "d.h5"}).status == 0);
    CHECK((bytes_in(w.dir.path()) == kept));
    // What is called as a receipt and is a checkpoint is edited and undone as one.
    const std::string file = receipt + "-5.json";
    REQUIRE(w.ckpt({"remap", "-i", file, "-r", "conv2/=b/"}).status == 0);
    CHECK(w.ckpt({"undo", file}).status == 0);
    CHECK(read_file(w.dir / file) == kept.at(file));
    const ProcessResult full = w.shell("ckpt undo --forget all " + file + " >/dev/full");
    CHECK(full.status == 7);
    CHECK((bytes_in(w.dir.path()) == kept));
  }

  TEST_CASE("a file that was given its edited bytes back is undone again, whatever the mark says") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const FolderBytes old = checkpoints_in(w.dir.path());
      REQUIRE(move(w, "conv1", "a").status == 0);
      const FolderBytes edited = checkpoints_in(w.dir.path());
      REQUIRE(w.ckpt({"undo", file}).status == 0);
      for (const auto& [name, bytes] : edited) write_file(w.dir / name, bytes);
      CHECK(w.ckpt({"undo", file}).status == 0);
      CHECK((checkpoints_in(w.dir.path()) == old));
      CHECK(w.ckpt({"undo", file}).out.find("already; nothing to undo") != std::string::npos);
    }
  }

  TEST_CASE("a receipt that is a link elsewhere is not written through") {
    const DigitsAs w("d.h5");
    REQUIRE(move(w, "conv1", "a").status == 0);
    const TempDir elsewhere;
    const std::string receipt = w.dir / "d.h5.ckpt-receipt.json";
    std::filesystem::rename(receipt, elsewhere / "theirs.json");
    std::filesystem::create_symlink(elsewhere / "theirs.json", receipt);
    const std::string bytes = read_file(elsewhere / "theirs.json");
    CHECK(w.ckpt({"undo", "d.h5"}).status == 7);
    CHECK(read_file(elsewhere / "theirs.json") == bytes);
  }

  TEST_CASE("a receipt is no wider than the file that --overwrite replaces") {
    const DigitsAs w("d.h5");
    REQUIRE(w.shell("cp d.h5 o.h5; chmod 644 d.h5; chmod 600 o.h5; umask 0; "
                    "ckpt remap d.h5 o.h5 --overwrite -r conv1/=a/")
                .status == 0);
    CHECK(mode_of(w.dir / "o.h5") == "600");
    CHECK(mode_of(w.dir / "o.h5.ckpt-receipt.json") == "600");
  }
}
