#include "formats/unknown_file.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

TEST_SUITE("formats/unknown_file") {
  TEST_CASE("a file that no format knows is answered with what it looks like") {
    const TempDir dir;
    const std::string path = dir / "x.h5";
    const auto answer = [&](std::string_view content) {
      write_file(path, content);
      return error_of([&] { (void)ckpt::open_checkpoint(path); });
    };
    const auto sentence = [&](std::string_view words) {
      return ckpt::cat(
          path, ": ", words,
          "; what can be read is HDF5, Keras archive, safetensors, sharded safetensors, npz, npy, "
          "GGUF, TensorFlow.js, TensorFlow bundle, TensorFlow checkpoint v1 and "
          "PyTorch");
    };
    CHECK(answer("") == sentence("is empty"));
    CHECK(answer(std::string(64, '\0')) ==
          sentence("starts with 64 zero bytes: a download or a copy that failed, perhaps"));
    CHECK(answer("\n<!DOCTYPE html><html>") ==
          sentence("is an HTML page: a download that got an error page instead of the file, "
                   "perhaps"));
    CHECK(answer("version https://git-lfs.github.com/spec/v1\noid sha256:1\n") ==
          sentence("is a Git LFS pointer, not the file itself; `git lfs pull` fetches it"));
    CHECK(answer("\x1f\x8b\x08") == sentence("is compressed with gzip; decompress it first"));
    CHECK(answer("PK\x03\x04") ==
          sentence("is a zip archive (a .keras, .npz or PyTorch file perhaps)"));
    CHECK(answer("\x80\x02}q") == sentence("is a Python pickle"));
    CHECK(answer("{\"a\": 1}") == sentence("is JSON text"));
    CHECK(answer("hello\n") == sentence("is plain text"));
    CHECK(answer("\x89HDF") ==
          sentence("starts like HDF5, but the signature is damaged or cut off"));
    CHECK(answer("\x01\x02\xff\xfe") ==
          sentence("is of no known format: it starts with the bytes 0102fffe"));
  }

  TEST_CASE("a missing file and a folder are told apart") {
    const TempDir dir;
    CHECK(error_of([&] { (void)ckpt::open_checkpoint(dir / "no.h5"); }) ==
          (dir / "no.h5") + ": no such file");
    CHECK(error_code_of([&] { (void)ckpt::open_checkpoint(dir.path().string()); }) ==
          ckpt::Errc::kIo);
  }
}
