#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "core/error.h"
#include "core/numbers.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/child.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr int kNumericDTypes = 17;

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 37 + 11);
  return bytes;
}

struct Named {
  std::string name;
  Tensor tensor;
};

void write_checkpoint(const std::string& path, const std::vector<Named>& variables) {
  std::vector<VariableSpec> specs;
  for (const auto& [name, tensor] : variables) specs.push_back({name, tensor.dtype, tensor.shape});
  const auto writer = create_checkpoint(path, specs);
  for (std::size_t i = 0; i < variables.size(); ++i) writer->write(i, variables[i].tensor.bytes);
  writer->commit();
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  const auto reader = open_checkpoint(path);
  for (const Entry& entry : reader->index().entries) names.push_back(entry.name);
  return names;
}

std::vector<Named> variables_of_each_dtype() {
  std::vector<Named> variables;
  for (int i = 0; i < kNumericDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    const Shape shape{3, 4};
    Bytes bytes = pattern(tensor_bytes(dtype, shape));
    if (dtype == DType::kBool) {
      for (std::byte& byte : bytes) byte &= std::byte{1};
    }
    variables.push_back({cat("all/", name_of(dtype)), {dtype, shape, std::move(bytes)}});
  }
  return variables;
}

}  // namespace

TEST_SUITE("formats/hdf5_native") {
  TEST_CASE("every dtype that is written is read back, and h5py sees the same type and bytes") {
    const TempDir dir;
    const auto variables = variables_of_each_dtype();
    write_checkpoint(dir / "x.h5", variables);
    const auto reader = open_checkpoint(dir / "x.h5");
    CHECK(reader->index().layout == "native");
    CHECK(reader->index().notes.empty());
    REQUIRE(reader->index().entries.size() == variables.size());
    for (const auto& variable : variables) {
      const auto& name = variable.name;
      const auto& tensor = variable.tensor;
      CAPTURE(name);
      const auto at = reader->find(name);
      REQUIRE(at);
      CHECK(reader->read(*at) == tensor);
      CHECK(reader->index().entries[*at].native_dtype == "");
    }
    const std::string seen = run_python(
        "import h5py, sys\n"
        "f = h5py.File(sys.argv[1])\n"
        "for n in sorted(f['all']):\n"
        "    d = f['all'][n]\n"
        "    b = d[()].tobytes()\n"
        "    ok = b == bytes((i * 37 + 11) % 256 & (1 if n == 'bool' else 255) for i in "
        "range(len(b)))\n"
        "    print(n, d.dtype, d.shape, d.attrs.get('dtype'), ok, d.id.get_offset() % 64)\n",
        {dir / "x.h5"});
    CHECK(seen ==
          "bf16 |V2 (3, 4) bfloat16 True 0\nbool bool (3, 4) None True 0\n"
          "c128 complex128 (3, 4) None True 0\nc64 complex64 (3, 4) None True 0\n"
          "f16 float16 (3, 4) None True 0\nf32 float32 (3, 4) None True 0\n"
          "f64 float64 (3, 4) None True 0\nf8e4m3 |V1 (3, 4) float8_e4m3fn True 0\n"
          "f8e5m2 |V1 (3, 4) float8_e5m2 True 0\ni16 int16 (3, 4) None True 0\n"
          "i32 int32 (3, 4) None True 0\ni64 int64 (3, 4) None True 0\n"
          "i8 int8 (3, 4) None True 0\nu16 uint16 (3, 4) None True 0\n"
          "u32 uint32 (3, 4) None True 0\nu64 uint64 (3, 4) None True 0\n"
          "u8 uint8 (3, 4) None True 0\n");
  }

  TEST_CASE("what h5py writes, in either byte order and storage, is read little-endian") {
    const TempDir dir;
    run_python(
        "import h5py, numpy as np, sys\n"
        "f = h5py.File(sys.argv[1], 'w')\n"
        "for o in '<>':\n"
        "    for t in ['f2','f4','f8','i2','i4','i8','u2','u4','u8','c8','c16']:\n"
        "        a = np.arange(60).reshape(5, 12).astype(o + t)\n"
        "        n = ('le_' if o == '<' else 'be_') + t\n"
        "        f[n] = a\n"
        "        f.create_dataset(n + '_chunked', data=a, chunks=(2, 5), compression=4, "
        "shuffle=True)\n"
        "dc = h5py.h5p.create(h5py.h5p.DATASET_CREATE); dc.set_layout(h5py.h5d.COMPACT)\n"
        "d = h5py.h5d.create(f.id, b'le_f4_compact', h5py.h5t.IEEE_F32LE, "
        "h5py.h5s.create_simple((5,12)), dc)\n"
        "d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(60, dtype='f4').reshape(5, 12))\n"
        "f['flag'] = np.array([True, False]); f['scalar'] = np.float32(7)\n"
        "f['none'] = h5py.Empty('f4'); f['zero'] = np.zeros((0, 3), 'f4')\n"
        "f['text'] = 'abc'; f['fixed'] = np.array([b'abcd']); f['record'] = np.zeros(2, 'i4,f8')\n",
        {dir / "x.h5"});
    const auto reader = open_checkpoint(dir / "x.h5");
    CHECK(reader->index().layout == "plain");
    int numbers = 0;
    for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
      const Entry& entry = reader->index().entries[i];
      CAPTURE(entry.name);
      if (!entry.name.starts_with("le_") && !entry.name.starts_with("be_")) continue;
      ++numbers;
      const Tensor tensor = reader->read(i);
      bool counts_up = true;
      for (std::size_t k = 0; k < 60; ++k) {
        counts_up &= element_as_double(entry.dtype, tensor.bytes, k) == static_cast<double>(k);
      }
      CHECK(counts_up);
      CHECK((entry.native_dtype.view().starts_with('>') == entry.name.starts_with("be_")));
      // A piece from the middle equals the middle of the whole, for every start.
      for (std::uint64_t first = 0; first < 40; first += 7) {
        const auto width = size_of(entry.dtype);
        Bytes piece(19 * width);
        reader->read(i, first, piece);
        CHECK(std::memcmp(piece.data(), tensor.bytes.data() + first * width, piece.size()) == 0);
      }
    }
    CHECK(numbers == 45);
    const auto entry = [&](const char* name) {
      return reader->index().entries[*reader->find(name)];
    };
    CHECK(entry("flag").dtype == DType::kBool);
    CHECK(entry("scalar").shape.empty());
    CHECK(entry("zero").nbytes == 0);
    CHECK(entry("none").native_dtype == "f32 without a dataspace");
    CHECK(entry("text").native_dtype == "variable-length string");
    CHECK(entry("fixed").native_dtype == "string[4]");
    CHECK(entry("record").native_dtype == "compound {f0: i32, f1: f64}");
    CHECK(entry("record").role == Role::kOther);
    CHECK(entry("be_c16").native_dtype == ">c16");
    CHECK(reader->details(*reader->find("le_f4_chunked")).storage ==
          "chunked [2, 5], shuffle, gzip 4");
    CHECK(reader->details(*reader->find("le_f4_compact")).storage == "compact");
    CHECK(error_of([&] { (void)reader->read(*reader->find("record")); }) ==
          "record: holds compound {f0: i32, f1: f64}, not numbers; it is listed and kept, but "
          "cannot be read as a tensor");
  }

  TEST_CASE("names that are variable and scope, end in :0, or have odd characters survive") {
    const TempDir dir;
    std::string deep = "d";
    for (int i = 1; i < 300; ++i) deep += "/d";
    std::vector<std::string> names{"dense/kernel", "dense/kernel/Adam",  "w:0", "w",
                                   "a b.c:d",      "größe/\xE6\x97\xA5", "..",  deep};
    std::vector<Named> variables;
    for (const auto& name : names) variables.push_back({name, {DType::kU8, {2}, pattern(2)}});
    write_checkpoint(dir / "x.h5", variables);
    auto seen = names_in(dir / "x.h5");
    std::ranges::sort(seen);
    std::ranges::sort(names);
    CHECK(seen == names);
    CHECK(run_python("import h5py, sys\nf = h5py.File(sys.argv[1])\n"
                     "print('dense/kernel:0' in f, 'w:0:0' in f, 'w' in f, f.attrs['ckpt_format'], "
                     "f.attrs['ckpt_version'])",
                     {dir / "x.h5"}) == "True True True native 1\n");
  }

  TEST_CASE("names that HDF5 cannot hold are refused, all of them at once") {
    const TempDir dir;
    const std::string path = dir / "x.h5";
    CHECK(error_of([&] {
            (void)create_checkpoint(path, {{"", DType::kF32, {}},
                                           {"a//b", DType::kF32, {}},
                                           {"a/./b", DType::kF32, {}},
                                           {std::string("n\0", 2), DType::kF32, {}},
                                           {"fine", DType::kF32, {}}});
          }) == cat(path,
                    ": HDF5 cannot hold 4 names: '' is empty, 'a//b' has an empty segment, "
                    "'a/./b' has '.' as a segment, 'n\\x00' has a zero byte"));
    CHECK(std::filesystem::is_empty(dir.path()));
  }

  TEST_CASE("trainable and collections are written where they are not the default") {
    const TempDir dir;
    const auto writer = create_checkpoint(
        dir / "x.h5", {{"a", DType::kF32, {}}, {"b", DType::kF32, {}, false, {"losses", "mine"}}});
    for (std::size_t i = 0; i < 2; ++i) writer->write(i, pattern(4));
    writer->commit();
    CHECK(run_python("import h5py, sys\nf = h5py.File(sys.argv[1])\n"
                     "print(dict(f['a'].attrs), f['b'].attrs['trainable'], "
                     "list(f['b'].attrs['collections']))",
                     {dir / "x.h5"}) == "{} False ['losses', 'mine']\n");
  }

  TEST_CASE("the same variables give the same bytes, in whatever order they are given") {
    const TempDir dir;
    auto variables = variables_of_each_dtype();
    write_checkpoint(dir / "a.h5", variables);
    std::ranges::reverse(variables);
    write_checkpoint(dir / "b.h5", variables);
    CHECK(read_file(dir / "a.h5") == read_file(dir / "b.h5"));
  }

  TEST_CASE("without commit there is no file") {
    const TempDir dir;
    create_checkpoint(dir / "x.h5", {{"a", DType::kF32, {}}})->write(0, pattern(4));
    CHECK(std::filesystem::is_empty(dir.path()));
  }

  TEST_CASE("a full disk is an error and leaves nothing behind, wherever it fills up") {
    const TempDir dir;
    int failed = 0;
    for (rlim_t limit = 0; limit < 20000; limit += 1500) {
      const int status = run_in_child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit size{limit, limit};
        ::setrlimit(RLIMIT_FSIZE, &size);
        try {
          write_checkpoint(dir / "x.h5", variables_of_each_dtype());
          return 0;
        } catch (const Error& e) {
          return e.code() == Errc::kWrite ? 1 : 2;
        }
      });
      CAPTURE(limit);
      CHECK(status <= 1);
      CHECK(std::filesystem::exists(dir / "x.h5") == (status == 0));
      failed += status;
      std::filesystem::remove(dir / "x.h5");
      CHECK(std::filesystem::is_empty(dir.path()));
    }
    CHECK(failed > 3);
  }

  TEST_CASE("100,000 variables are written and listed") {
    const TempDir dir;
    std::vector<VariableSpec> specs;
    constexpr int kCount = 100'000 / kStride<5>;
    for (int i = 0; i < kCount; ++i) {
      specs.push_back({cat("layer_", i / 100, "/w", i % 100), DType::kF32, {4}});
    }
    const auto writer = create_checkpoint(dir / "x.h5", specs);
    for (std::size_t i = 0; i < specs.size(); ++i) writer->write(i, pattern(16));
    writer->commit();
    const auto reader = open_checkpoint(dir / "x.h5");
    CHECK(reader->index().entries.size() == std::size_t{kCount});
    CHECK(reader->read(*reader->find("layer_199/w99")).bytes == pattern(16));
  }
}
