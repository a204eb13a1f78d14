#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/text.h"
#include "formats/formats.h"
#include "formats/tfjs/format.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// The witness' word for a type: "float32", or "float32/uint8" where it is quantised.
std::string witness_word(const Entry& entry) {
  const std::string_view native = entry.native_dtype;
  const auto as = native.find(" as ");
  if (as != std::string::npos) {
    return cat(native.substr(0, as), "/", native.substr(as + 4));
  }
  return entry.dtype == DType::kF32 ? "float32" : std::string(name_of(entry.dtype));
}

// A model of two weight files that share a tensor, written into `dir`.
struct SmallModel {
  SmallModel() {
    write_file(dir / "s1.bin", "abcdefgh12");
    write_file(dir / "s2.bin", std::string_view("34\2\0\0\0hi\0\0\0\0Q", 13));
    write_file(dir / "model.json", json);
  }

  std::string error_with(std::string_view what, std::string_view instead) const {
    std::string text = json;
    const auto at = text.find(what);
    REQUIRE(at != std::string::npos);
    text.replace(at, what.size(), instead);
    return error_of([&] { open_bytes(tfjs::kFormat, text, dir / "model.json"); });
  }

  TempDir dir;
  std::string json = R"({"format":"layers-model","modelTopology":{"class_name":"M"},)"
                     R"("weightsManifest":[{"paths":["s1.bin","s2.bin"],"weights":[)"
                     R"({"name":"d/k","shape":[2,1],"dtype":"float32"},)"
                     R"({"name":"d/b","shape":[2],"dtype":"float32","quantization":)"
                     R"({"dtype":"uint16","scale":0.5,"min":-1}},)"
                     R"({"name":"s","shape":[2],"dtype":"string"},)"
                     R"({"name":"q","shape":[],"dtype":"bool"}]}]})";
};

}  // namespace

TEST_SUITE("formats/tfjs") {
  TEST_CASE("real models list and read as an independent reader saw them") {
    const auto rows = expected_tensors("tfjs/");
    if (rows.empty()) MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
    std::map<std::string, std::unique_ptr<Reader>> readers;
    std::vector<Bytes> bytes;
    std::vector<std::string> wanted;
    for (const auto& row : rows) {
      CAPTURE(row.file);
      CAPTURE(row.name);
      auto& reader = readers[row.file];
      if (!reader) reader = open_checkpoint(corpus_path(row.file));
      const auto i = reader->find(row.name);
      REQUIRE(i.has_value());
      const Entry& entry = reader->index().entries[*i];
      CHECK(witness_word(entry) == row.dtype);
      CHECK(shape_text(entry.shape) == row.shape);
      CHECK(entry.nbytes == row.nbytes);
      bytes.push_back(reader->read(*i).bytes);
      wanted.push_back(row.sha1);
    }
    CHECK(sha1_of(bytes) == wanted);
    std::size_t entries = 0;
    for (const auto& [file, reader] : readers) entries += reader->index().entries.size();
    CHECK(entries == rows.size());
    MESSAGE("TensorFlow.js: ", readers.size(), " models, ", rows.size(), " weights agree");
  }

  TEST_CASE("a weight over two files, a quantised one and text are read or listed") {
    const SmallModel model;
    const auto reader = open_checkpoint(model.dir / "model.json");
    const Index& index = reader->index();
    CHECK(index.format == "TensorFlow.js");
    CHECK(index.layout == "layers model");
    CHECK(index.file_bytes == model.json.size() + 23);
    REQUIRE(index.entries.size() == 4);
    CHECK(place_of(index.entries[0]) == "s1.bin + s2.bin, offset 0");
    CHECK(as_text(reader->read(1).bytes) == "1234");
    CHECK(index.entries[1].dtype == DType::kU16);
    CHECK(index.entries[1].native_dtype == "float32 as uint16");
    CHECK(reader->details(1).storage == "contiguous at 8 of s1.bin + s2.bin");
    CHECK(reader->details(1).attributes.at(0).name == "scale");
    CHECK(reader->details(1).attributes.at(0).value == "0.5");
    CHECK(reader->details(1).attributes.at(1).value == "-1");
    CHECK(reader->details(1).attributes.at(2).value == "layers-model");
    CHECK(index.entries[2].dtype == DType::kString);
    CHECK(reader->details(2).storage == "contiguous at 12 of s1.bin + s2.bin, 10 bytes of text");
    CHECK(as_text(reader->read(3).bytes) == "Q");
    CHECK(index.notes ==
          std::vector<std::string>{
              "1 variable is quantised: the numbers here are those in the file; a value is scale × "
              "number + min, which `ckpt show` gives"});
  }

  TEST_CASE("a manifest by itself is a model; other JSON is none") {
    const TempDir dir;
    write_file(dir / "w", "1234");
    write_file(dir / "m.json",
               R"( [{"weights":[{"name":"a","shape":[],"dtype":"int32"}],"paths":["w"]}])");
    CHECK(open_checkpoint(dir / "m.json")->index().layout == "weights alone");
    const auto detects = [](std::string_view text) {
      const ByteView view = as_byte_view(text);
      return tfjs::kFormat.detect(*memory_file(Bytes(view.begin(), view.end())));
    };
    CHECK(detects(R"([{"a":[{"weights":1}],"weights":[]}])"));
    CHECK(detects(R"({"modelTopology":{},"weightsManifest":[)"));
    CHECK(!detects(R"({"modelTopology":{"weightsManifest":[]}})"));
    CHECK(!detects(R"([{"a":{"weights":[]}}])"));
    CHECK(!detects(R"([[{"weights":[]}]])"));
    CHECK(!detects(R"([1,{"weights":[]}])"));
    CHECK(!detects("[]"));
    CHECK(!detects(""));
    CHECK(!detects("weightsManifest"));
  }

  TEST_CASE("each lie of a manifest is answered by what was seen and needed") {
    const SmallModel model;
    CHECK(model.error_with("\"s1.bin\"", "\"../s1.bin\"") ==
          "names the weight file '../s1.bin'; a plain file name is needed, since a weight file "
          "lies in the folder of its index");
    CHECK(model.error_with("\"s1.bin\"", "\"s3.bin\"") ==
          "names the weight file 's3.bin', which is not beside it");
    CHECK(model.error_with("\"s1.bin\"", "\"s2.bin\"") == "names the weight file 's2.bin' twice");
    CHECK(model.error_with("[2,1]", "[2,9]") ==
          "d/k: needs 72 bytes at 0 of its group's weight files, which have 23 together");
    CHECK(model.error_with("[2,1]", "[2,-1]") ==
          "d/k: shape holds -1, whole numbers below 2^63 are needed");
    CHECK(model.error_with("\"string\"", "\"text\"") ==
          "s: dtype 'text' is none of TensorFlow.js's");
    CHECK(model.error_with("\"scale\":0.5,", "") == "d/b: quantization has no scale");
    CHECK(model.error_with("\"uint16\"", "\"int32\"") ==
          "d/b: is quantised as int32; uint8, uint16 and float16 are known");
    CHECK(model.error_with("\"d/b\"", "\"d/k\"") == "two weights are called 'd/k'");
    CHECK(model.error_with("\"name\":\"s\",", "\"name\":\"s\",\"name\":\"s\",") ==
          "the JSON text has the key 'name' twice");
    CHECK(model.error_with("[2],\"dtype\":\"string\"", "[3],\"dtype\":\"string\"") ==
          "s: needs 14 bytes at 12 of its group's weight files, which have 23 together");
    CHECK(model.error_with("[{\"paths\"", "[7,{\"paths\"") ==
          "group 1 of the manifest has no paths");
  }

  TEST_CASE("a model that is cut or has a bit flipped is refused, or read within its files") {
    const SmallModel model;
    const std::string path = model.dir / "model.json";
    const DamageCount cut = cut_everywhere(
        tfjs::kFormat, model.json, [](const Reader&) {}, path);
    CHECK(cut.read == 0);
    CHECK(cut.refused == static_cast<int>(model.json.size()));
    const std::string all = read_file(model.dir / "s1.bin") + read_file(model.dir / "s2.bin");
    const DamageCount flipped = flip_everywhere(
        tfjs::kFormat, model.json, model.json.size(),
        [&](const Reader& reader) {
          for (const Tensor& tensor : read_all(reader)) {
            CHECK(all.find(as_text(tensor.bytes)) != std::string::npos);
          }
        },
        path);
    CHECK(flipped.refused > flipped.read);
    // A weight file that is shorter than the manifest says is refused at every length.
    for (std::size_t size = 0; size < 13; ++size) {
      write_file(model.dir / "s2.bin", all.substr(10, size));
      CHECK(error_code_of([&] { open_checkpoint(path); }) == Errc::kCorrupt);
    }
  }
}
