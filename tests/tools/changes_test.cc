#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <random>

#include "core/text.h"
#include "support/folder.h"

using namespace ckpt;

namespace {

struct Ending {
  std::string what;
  ProcessResult result;
};

std::string words_of(const std::vector<Ending>& endings) {
  std::string words;
  for (const Ending& ending : endings) {
    words += cat(ending.what, ": ", ending.result.status, " ", ending.result.err, "\n");
  }
  return words;
}

// Edits of one file that do not conflict, whatever their order.
std::vector<std::vector<std::string>> edits_of(const DigitsAs& w) {
  const auto move = [&](const std::string& from, const std::string& to) {
    return w.scope(from) + "=" + w.scope(to);
  };
  const auto cast = [&](const std::string& scope) {
    const std::string name = w.variable(scope, "kernel");
    return cat(name, " = ", name, " | cast(f16)");
  };
  return {{"remap", "-i", w.file, "-r", move("conv1", "stem")},
          {"remap", "-i", w.file, "-r", move("conv2", "two")},
          {"remap", "-i", w.file, "-r", move("dense_1", "fc"), "--how", "replace"},
          {"remap", "-i", w.file, "-r", cast("dense")},
          {"remap", "-i", w.file, "-r", cast("logits")},
          {"remap", "-i", w.file, "-r", w.variable("logits", "bias") + " = -"}};
}

std::vector<Ending> run_at_once(const DigitsAs& w,
                                const std::vector<std::vector<std::string>>& commands) {
  std::vector<std::future<ProcessResult>> running;
  for (const auto& command : commands) {
    running.push_back(std::async(std::launch::async, [&w, command] { return w.ckpt(command); }));
  }
  std::vector<Ending> endings;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    endings.push_back({join(commands[i], " "), running[i].get()});
  }
  return endings;
}

int successes(const std::vector<Ending>& endings) {
  return static_cast<int>(std::ranges::count_if(
      endings, [](const Ending& ending) { return ending.result.status == 0; }));
}

// One `ckpt undo` for each edit, the newest first.
void undo_all(const DigitsAs& w, int count) {
  for (int i = 0; i < count; ++i) {
    const ProcessResult undone = w.ckpt({"undo", w.file});
    CAPTURE(undone.err);
    CHECK(undone.status == 0);
    CHECK(undone.out.find("already") == std::string::npos);
  }
}

}  // namespace

TEST_SUITE("tools/changes") {
  TEST_CASE("edits of one file at once all succeed, each with a way back of its own") {
    std::mt19937 random(16);
    int rounds = 0;
    for (const std::string& file : kEditedFiles) {
      for (const std::size_t runs : {2U, 4U, 4U}) {
        const DigitsAs w(file);
        CAPTURE(file);
        const FolderBytes old = bytes_in(w.dir.path());
        auto commands = edits_of(w);
        std::shuffle(commands.begin(), commands.end(), random);
        commands.resize(runs);
        const auto endings = run_at_once(w, commands);
        CAPTURE(words_of(endings));
        const int count = successes(endings);
        CHECK(count == static_cast<int>(runs));
        CHECK(count_ending(w.dir.path(), ".json") == count);
        CHECK(count_ending(w.dir.path(), ".undo") == count);
        undo_all(w, count);
        CHECK((checkpoints_in(w.dir.path()) == old));
        CHECK(w.ckpt({"undo", w.file}).out.find("already") != std::string::npos);
        ++rounds;
      }
    }
    MESSAGE(rounds << " rounds of edits at once");
  }

  TEST_CASE("of edits at once that conflict one succeeds, and the rest say why") {
    for (const std::string& file : kEditedFiles) {
      const DigitsAs w(file);
      CAPTURE(file);
      const FolderBytes old = bytes_in(w.dir.path());
      std::vector<std::vector<std::string>> commands;
      for (const std::string to : {"a", "b", "c", "d"}) {
        commands.push_back({"remap", "-i", file, "-r", w.variable("conv1", "kernel") + "=" + to});
      }
      const auto endings = run_at_once(w, commands);
      CAPTURE(words_of(endings));
      CHECK(successes(endings) == 1);
      for (const Ending& ending : endings) {
        if (ending.result.status == 0) continue;
        CHECK(ending.result.status == 3);
        CHECK(ending.result.err.find("matches nothing") != std::string::npos);
      }
      CHECK(count_ending(w.dir.path(), ".json") == 1);
      undo_all(w, 1);
      CHECK((checkpoints_in(w.dir.path()) == old));
    }
  }

  TEST_CASE("an edit and an undo at once end as in one of the two orders") {
    for (const std::string& file : kEditedFiles) {
      const DigitsAs w(file);
      CAPTURE(file);
      const FolderBytes old = bytes_in(w.dir.path());
      const auto edits = edits_of(w);
      REQUIRE(w.ckpt(edits[0]).status == 0);
      const auto endings = run_at_once(w, {edits[1], {"undo", file}});
      CAPTURE(words_of(endings));
      CHECK(successes(endings) == 2);
      // Undone was either the first edit, before the second, or that one.
      undo_all(w, 1);
      CHECK((checkpoints_in(w.dir.path()) == old));
    }
  }

  TEST_CASE(
      "new files that are written over one another at once are one of them, with its receipt") {
    for (const std::string& file : kEditedFiles) {
      const DigitsAs w(file);
      CAPTURE(file);
      const std::string out = "o" + file.substr(file.find('.'));
      std::vector<std::vector<std::string>> commands;
      for (const std::string to : {"a", "b", "c", "d"}) {
        commands.push_back(
            {"remap", file, out, "-r", w.scope("conv1") + "=" + w.scope(to), "--overwrite"});
      }
      const auto endings = run_at_once(w, commands);
      CAPTURE(words_of(endings));
      CHECK(successes(endings) >= 1);
      for (const Ending& ending : endings) {
        CHECK((ending.result.status == 0 || ending.result.status == 5));
      }
      CHECK(w.ckpt({"doctor", out}).status == 0);
      CHECK(count_ending(w.dir.path(), ".json") == successes(endings));
      // By the receipt of the one that came last.
      const ProcessResult verified = w.ckpt({"verify", out, "--against", file});
      CAPTURE(verified.err);
      CHECK(verified.status == 0);
      for (const auto& item : bytes_in(w.dir.path())) {
        CAPTURE(item.first);
        CHECK_FALSE(item.first.starts_with(".ckpt-"));
      }
    }
  }

  TEST_CASE("the README's batch: many files of one folder are edited, four at a time") {
    constexpr int kFiles = 24;
    for (const std::string& file : kEditedFiles) {
      if (file.ends_with(".json")) continue;
      for (const std::string flag : {"", "--no-receipt"}) {
        CAPTURE(file);
        CAPTURE(flag);
        const DigitsAs w(file);
        const std::string end = file.substr(1);
        const ProcessResult result = w.shell(
            cat("for n in $(seq ", kFiles, "); do for f in d.*; do cp $f $n${f#d}; done; done; ",
                "printf '%s\\0' [0-9]*", end, " | xargs -0 -n 1 -P 4 ckpt remap -i ", flag, " -r ",
                w.scope("conv1"), "=", w.scope("stem")));
        CHECK(result.status == 0);
        CHECK(result.err == "");
        const int receipts = flag.empty() ? kFiles : 0;
        CHECK(count_ending(w.dir.path(), ".json") == receipts);
        CHECK(count_ending(w.dir.path(), ".undo") == receipts);
        const std::size_t parts = end == ".index" ? 2 : 1;
        CHECK(checkpoints_in(w.dir.path()).size() == (kFiles + 1) * parts);
      }
    }
  }
}
