#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "core/system.h"
#include "core/text.h"
#include "support/folder.h"

using namespace ckpt;

namespace {

// Another program's hold on a file: this one's, by a descriptor that no other process has.
class Hold {
 public:
  static Hold lock(const std::string& path, int operation) {
    Hold hold(path, O_RDONLY);
    REQUIRE(::flock(hold.fd_.get(), operation | LOCK_NB) == 0);
    return hold;
  }
  static Hold writer(const std::string& path) { return Hold(path, O_RDWR); }

 private:
  Hold(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {
    REQUIRE(fd_);
  }
  FileDescriptor fd_;
};

double seconds_of(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::string> edit_of(const DigitsAs& w, const std::string& wait) {
  return {"remap", "-i", w.file, "--wait", wait, "-r", w.scope("conv1") + "=" + w.scope("stem")};
}

}  // namespace

TEST_SUITE("tools/waiting") {
  TEST_CASE("a file that another program has locked is not changed, status 5") {
    for (const std::string& file : kEditedFiles) {
      for (const int operation : {LOCK_SH, LOCK_EX}) {
        CAPTURE(file);
        const DigitsAs w(file);
        const auto before = states_in(w.dir.path());
        const Hold hold = Hold::lock(w.dir / file, operation);
        const ProcessResult edited = w.ckpt(edit_of(w, "0.1"));
        CHECK(edited.status == 5);
        CHECK(edited.out == "");
        CHECK(edited.err == cat("ckpt: ", file,
                                ": another program has it open (it holds a lock), still after 100 "
                                "ms; try again when that program has closed it\n"));
        // `recover` looks first whether there is anything to do.
        CHECK(w.ckpt({"recover", "--wait", "0", file}).status == (operation == LOCK_SH ? 0 : 5));
        CHECK(w.ckpt({"undo", "--wait", "0", file}).status == 5);
        CHECK((states_in(w.dir.path()) == before));
      }
    }
  }

  TEST_CASE("a file that another program has open for writing without a lock is not changed") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const auto before = states_in(w.dir.path());
      const Hold hold = Hold::writer(w.dir / file);
      const ProcessResult edited = w.ckpt(edit_of(w, "0"));
      CHECK(edited.status == 5);
      CHECK(edited.err == cat("ckpt: ", file,
                              ": another program has it open for writing; try again when that "
                              "program has closed it\n"));
      CHECK((states_in(w.dir.path()) == before));
      // A new file is not in its way.
      CHECK(w.ckpt({"ls", file}).status == 0);
    }
  }

  TEST_CASE("a shard that another program has open for writing is not changed") {
    for (const auto& of : std::vector<std::pair<std::string, std::string>>{
             {"d.index", "d.data-00000-of-00001"},
             {"s.safetensors.index.json", "s-00001-of-00003.safetensors"}}) {
      const std::string& file = of.first;
      const std::string& shard = of.second;
      CAPTURE(file);
      const DigitsAs w(file);
      const auto before = states_in(w.dir.path());
      const Hold hold = Hold::writer(w.dir / shard);
      const std::string bias = w.variable("conv1", "bias");
      const ProcessResult edited =
          w.ckpt({"remap", "-i", file, "--wait", "0", "-r", cat(bias, " = ", bias, " | cast(f16)"),
                  "--no-companions"});
      CHECK(edited.status == 5);
      CHECK(edited.err.find(shard) != std::string::npos);
      CHECK(edited.err.find("another program has it open for writing") != std::string::npos);
      CHECK((states_in(w.dir.path()) == before));
    }
  }

  TEST_CASE("a hold that ends in time is waited for, whether it is a lock or an open writer") {
    const DigitsAs w("d.h5");
    for (const bool is_lock : {true, false}) {
      CAPTURE(is_lock);
      auto hold = std::make_unique<Hold>(is_lock ? Hold::lock(w.dir / w.file, LOCK_EX)
                                                 : Hold::writer(w.dir / w.file));
      std::thread release([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        hold.reset();
      });
      ProcessResult edited;
      const double seconds = seconds_of([&] {
        edited = w.ckpt({"remap", "-i", w.file, "-r", "conv1/=stem/"});
      });
      release.join();
      CAPTURE(edited.err);
      CHECK(edited.status == 0);
      CHECK(seconds >= 0.25);
      CHECK(w.ckpt({"undo", w.file}).status == 0);
    }
  }

  TEST_CASE("a target of --overwrite that another program writes is waited for, then kept") {
    const DigitsAs w("d.h5");
    REQUIRE(w.ckpt({"remap", "d.h5", "o.h5", "-r", "conv1/=a/"}).status == 0);
    const FolderBytes before = bytes_in(w.dir.path());
    const Hold hold = Hold::lock(w.dir / "o.h5", LOCK_EX);
    const ProcessResult result =
        w.ckpt({"remap", "d.h5", "o.h5", "-r", "conv1/=b/", "--overwrite", "--wait", "0.1"});
    CHECK(result.status == 5);
    CHECK(result.err.find("another program has it open") != std::string::npos);
    CHECK((bytes_in(w.dir.path()) == before));
  }

  TEST_CASE("programs that open the file for writing again and again do not end ckpt") {
    // The kernel tells who asks for a lease of who opens the file: by SIGIO, which ends a program.
    const DigitsAs w("d.h5");
    bool is_done = false;
    std::thread opener([&] {
      while (!__atomic_load_n(&is_done, __ATOMIC_RELAXED)) {
        const FileDescriptor fd(::open((w.dir / "d.h5").c_str(), O_RDWR | O_CLOEXEC));
      }
    });
    std::map<int, int> statuses;
    for (int i = 0; i < 40; ++i) {
      ++statuses[w.ckpt({"remap", "-i", "d.h5", "-r", "none/=x/", "--wait", "0"}).status];
    }
    __atomic_store_n(&is_done, true, __ATOMIC_RELAXED);
    opener.join();
    for (const auto& ended : statuses) {
      CAPTURE(ended.second);
      CHECK((ended.first == 3 || ended.first == 5));
    }
  }

  TEST_CASE("whether a receipt fits is told of files that others read") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const std::string kernel = w.variable("dense", "kernel");
      REQUIRE(w.ckpt({"remap", "-i", file, "--no-companions", "-r",
                      cat(kernel, " = ", kernel, " | cast(f16)")})
                  .status == 0);
      std::vector<Hold> holds;
      for (const auto& [name, bytes] : checkpoints_in(w.dir.path())) {
        holds.push_back(Hold::lock(w.dir / name, LOCK_SH));
      }
      const auto before = states_in(w.dir.path());
      const ProcessResult list = w.ckpt({"undo", file, "--list", "--wait", "0"});
      CHECK(list.out.find("the file is as it left it") != std::string::npos);
      CHECK(w.ckpt({"undo", file, "-n", "--wait", "0"}).status == 0);
      CHECK((states_in(w.dir.path()) == before));
    }
  }

  TEST_CASE("what another program writes is not written over") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const auto before = states_in(w.dir.path());
      std::vector<Hold> holds;
      for (const auto& [name, bytes] : bytes_in(w.dir.path())) {
        holds.push_back(Hold::writer(w.dir / name));
      }
      const DigitsAs other(file);
      const ProcessResult result = w.ckpt({"remap", other.dir / file, file, "--overwrite", "--wait",
                                           "0", "-r", w.scope("conv1") + "=" + w.scope("a")});
      CHECK(result.status == 5);
      CHECK(result.err.find("another program has it open for writing") != std::string::npos);
      CHECK((states_in(w.dir.path()) == before));
    }
  }
}
