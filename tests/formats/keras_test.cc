#include <doctest/doctest.h>

#include <filesystem>

#include "core/text.h"
#include "formats/formats.h"
#include "formats/keras/format.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A model as Keras saves it, by Python; `method` is zipfile's, 0 stored and 8 deflated.
std::string make_archive(const TempDir& dir, int method) {
  std::string path = dir / cat("m", method, ".keras");
  run_python(R"(
import h5py, io, json, numpy as np, sys, zipfile
inner = io.BytesIO()
with h5py.File(inner, 'w') as f:
  f['layers/dense/vars/0'] = np.arange(6, dtype='f4').reshape(2, 3)
  f['layers/dense/vars/1'] = np.arange(3, dtype='f4')
with zipfile.ZipFile(sys.argv[1], 'w', int(sys.argv[2])) as z:
  z.writestr('metadata.json', json.dumps({'keras_version': '3.3.3'}))
  z.writestr('config.json', json.dumps({'class_name': 'Sequential'}))
  z.writestr('model.weights.h5', inner.getvalue())
)",
             {path, cat(method)});
  return path;
}

}  // namespace

TEST_SUITE("formats/keras") {
  TEST_CASE("stored or deflated, the variables are those of the HDF5 file inside") {
    const TempDir dir;
    for (const int method : {0, 8}) {
      const auto reader = open_checkpoint(make_archive(dir, method));
      const Index& index = reader->index();
      CHECK(index.format == "Keras archive");
      REQUIRE(index.entries.size() == 2);
      CHECK(index.entries[0].name == "layers/dense/vars/0");
      CHECK(index.entries[0].shape == Shape{2, 3});
      const float wanted[] = {0, 1, 2, 3, 4, 5};
      CHECK((reader->read(0).bytes == make_tensor({2, 3}, wanted).bytes));
      CHECK(reader->metadata().at("keras_version") == "3.3.3");
      CHECK(reader->metadata().at("model_config") == R"({"class_name": "Sequential"})");
    }
  }

  TEST_CASE("it is not written, and converted without what it says of itself") {
    const TempDir dir;
    make_archive(dir, 0);
    const auto converted = run_ckpt({"convert", "m0.keras", "x.npz"}, dir.path());
    CHECK(converted.out == "done: 2 variables, 36 B; x.npz: npz\n");
    CHECK(converted.err ==
          "ckpt: note: not carried over, what the file says of itself: keras_version, "
          "model_config\n");
  }

  TEST_CASE("cut off anywhere it is refused") {
    const TempDir dir;
    const std::string bytes = read_file(make_archive(dir, 8));
    const auto count = cut_everywhere(keras::kFormat, bytes, [](const Reader&) {});
    CHECK(count.read == 0);
    CHECK(count.refused == static_cast<int>(bytes.size()));
  }
}
