#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "formats/torch/format.h"
#include "formats/torch/pickle.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/names_of.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A writer of PyTorch files in Python, whose own pickle module writes the pickles: `archive(path,
// value)` and `legacy(path, value)`; a tensor is T(class of storage, key, size, stride, offset).
constexpr const char* kTorchWriter = R"(
import collections, io, pickle, struct, sys, types, zipfile
class G:
    def __init__(self, module, name): self.module, self.name = module, name
def make_module(name):
    m = sys.modules.get(name) or types.ModuleType(name); sys.modules[name] = m; return m
def make(module, name, is_class=False):
    m = make_module(module)
    x = type(name, (), {'__module__': module}) if is_class else types.FunctionType((lambda *a: a).__code__, {}, name)
    x.__module__ = module; x.__qualname__ = name; setattr(m, name, x); return x
for part in ('torch', 'torch._utils', 'torch.nn', 'torch.nn.modules', 'torch.nn.parameter'): make_module(part)
S = {n: make('torch', n + 'Storage', True) for n in ('Float', 'Long', 'BFloat16', 'ComplexFloat', 'QInt8', 'Bool')}
v2 = make('torch._utils', '_rebuild_tensor_v2'); qt = make('torch._utils', '_rebuild_qtensor')
par = make('torch._utils', '_rebuild_parameter'); affine = make('torch', 'per_tensor_affine')
class Storage:
    def __init__(self, kind, key, count): self.pid = ('storage', S[kind], str(key), 'cpu', count)
class T:
    def __init__(self, storage, size, stride, offset=0, wrap=False, scale=None):
        self.a = (storage, offset, tuple(size), tuple(stride)); self.wrap, self.scale = wrap, scale
    def __reduce__(self):
        if self.scale: return qt, self.a + (self.scale, False, collections.OrderedDict())
        if self.wrap: return par, (T(*[self.a[i] for i in (0, 2, 3, 1)]), True, collections.OrderedDict())
        return v2, self.a + (False, collections.OrderedDict())
def dump(value, protocol=2):
    out = io.BytesIO(); p = pickle._Pickler(out, protocol)
    p.persistent_id = lambda x: x.pid if isinstance(x, Storage) else None
    p.dump(value); return out.getvalue()
def archive(path, value, data, protocol=2, order=None, root='m', method=0, raw=None):
    with zipfile.ZipFile(path, 'w', method) as z:
        z.writestr(root + '/data.pkl', raw if raw is not None else dump(value, protocol))
        if order: z.writestr(root + '/byteorder', order)
        for k, d in enumerate(data): z.writestr('%s/data/%d' % (root, k), d)
        z.writestr(root + '/version', '3\n')
def legacy(path, value, data, little=True, protocol=2, tail=b''):
    with open(path, 'wb') as f:
        for x in (0x1950a86a20f9469cfc6c, 1001, dict(protocol_version=1001, little_endian=little)): f.write(pickle.dumps(x, protocol))
        f.write(dump(value, protocol) + pickle.dumps([k for k, n, d in data], protocol))
        for k, n, d in data: f.write(struct.pack('<q' if little else '>q', n) + d)
        f.write(tail)
p = sys.argv[1] + '/m.pt'
f32 = lambda *x: struct.pack('<%df' % len(x), *x)
six = Storage('Float', 0, 6); w = T(six, (2, 3), (3, 1)); six_data = f32(1, 2, 3, 4, 5, 6)
)";

struct WrittenTorch {
  explicit WrittenTorch(const std::string& script) {
    run_python(cat(kTorchWriter, script), {dir.path()});
  }
  [[nodiscard]] std::string path() const { return dir / "m.pt"; }
  [[nodiscard]] std::unique_ptr<Reader> open() const { return open_checkpoint(path()); }
  [[nodiscard]] std::string error() const {
    return error_of([&] { read_all(*open_as(torch::kTorchFormat, path())); });
  }
  TempDir dir;
};

std::vector<float> floats_of(const Reader& reader, std::string_view name) {
  const Tensor tensor = reader.read(*reader.find(name));
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::ranges::copy(tensor.bytes, std::as_writable_bytes(std::span(values)).begin());
  return values;
}

// What EXPECTED.tsv leaves out: the independent reader does not know PyTorch's quantised tensors,
// which are the weights of a quantised layer. Here it is told of that one function, and of these
// tensors alone it prints name, type of storage, shape and whether the file has the storage.
constexpr const char* kQuantisedTensors = R"(
import sys
sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True
import scan
find_class = scan.U.find_class
scan.U.find_class = lambda s, m, n: scan.mkrebuild(n) if n == '_rebuild_qtensor' else find_class(s, m, n)
for name, kind, shape, digest, size in scan.pt(sys.argv[2])[0]:
    if kind.startswith('Q'): print(name, kind.lower(), 'x'.join(map(str, shape)), bool(digest))
)";

// The independent reader names what it walks through; a state_dict() would not.
std::string as_state_dict_names(std::string name) {
  for (const std::string_view level : {"_modules.", "_parameters.", "_buffers."}) {
    for (auto at = name.find(level); at != std::string::npos; at = name.find(level)) {
      name.erase(at, level.size());
    }
  }
  return name;
}

}  // namespace

TEST_SUITE("formats/torch") {
  TEST_CASE(
      "every real file lists as an independent reader saw it, or is refused with its reason") {
    std::map<std::string, std::vector<ExpectedTensor>> files;
    for (const auto& row : expected_tensors("pt/")) files[row.file].push_back(row);
    if (files.empty()) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    const std::map<std::string, DType> dtypes{
        {"Float", DType::kF32}, {"Long", DType::kI64}, {"Byte", DType::kU8}};
    int tensors = 0;
    int digests = 0;
    std::ptrdiff_t beyond = 0;  // tensors that EXPECTED.tsv leaves out
    for (const auto& witnessed : files) {
      const auto& file = witnessed.first;
      const auto& rows = witnessed.second;
      CAPTURE(file);
      const auto reader = open_checkpoint(corpus_path(file));
      std::size_t numeric = 0;
      std::string quantised;
      for (const Entry& entry : reader->index().entries) {
        if (is_numeric(entry.dtype)) {
          numeric += 1 + entry.aliases.size();
        } else {
          CHECK(entry.native_dtype.view() == "qint8 with a scale");
          quantised += cat(entry.name, " qint8 ", shape_text(entry.shape), " True\n");
        }
      }
      CHECK(numeric == rows.size());
      CHECK(quantised ==
            run_python(kQuantisedTensors, {CKPT_SHARED "/witness", corpus_path(file)}));
      beyond += std::ranges::count(quantised, '\n');
      std::vector<Bytes> bytes;
      std::vector<std::string> expected;
      std::map<std::string, std::pair<std::string, Bytes>> pieces;  // of a storage, by its digest
      for (const ExpectedTensor& row : rows) {
        std::string name = row.name;
        if (file.find("_layer_model") != std::string::npos) {
          name = as_state_dict_names(name.substr(0, name.size() - 2));  // and Parameter's ".0"
        }
        CAPTURE(name);
        const auto at = reader->find(name);
        REQUIRE(at);
        const Entry& entry = reader->index().entries[*at];
        CHECK(shape_text(entry.shape) == row.shape);
        CHECK(entry.dtype == dtypes.at(row.dtype));
        const Bytes content = reader->read(*at).bytes;
        ++tensors;
        // Its digest is of the whole storage, which is the tensor's where the tensor fills it in
        // order.
        const auto sign = row.sha1.find('@');
        if (row.sha1.starts_with("st") || sign == std::string::npos) continue;
        if (row.nbytes == entry.nbytes &&
            reader->details(*at).storage.find("strides") == std::string::npos) {
          bytes.push_back(content);
          expected.push_back(row.sha1.substr(0, sign));
        } else {
          auto& all = pieces[row.sha1.substr(0, sign)].second;
          all.insert(all.end(), content.begin(), content.end());
        }
      }
      // The views of a recurrent layer fill their storage one after the other.
      for (auto& [digest, piece] : pieces) {
        if (piece.second.size() != 832) continue;
        bytes.push_back(piece.second);
        expected.push_back(digest);
      }
      CHECK(sha1_of(bytes) == expected);
      if (!quantised.empty()) CHECK(expected.size() == rows.size());
      digests += static_cast<int>(expected.size());
    }
    MESSAGE(files.size(), " files, ", tensors, " tensors, ", digests, " digests compared, and ",
            beyond, " quantised tensors");
    CHECK(files.size() == 12);
    CHECK(tensors == 280);
    CHECK(beyond == 16 + 23);
    CHECK(digests > 200);

    const std::string folder = corpus_path("pt/Tashu014+lora-imdb-distilbert/");
    CHECK(error_of([&] { open_checkpoint(folder + "training_args.bin"); }) ==
          cat(folder,
              "training_args.bin: its pickle names transformers.training_args.TrainingArguments, "
              "which is not among the names a checkpoint of tensors needs; nothing of it was "
              "run, and it is not read"));
    const auto scheduler = open_checkpoint(folder + "scheduler.pt");
    CHECK(scheduler->index().entries.empty());
    CHECK(scheduler->index().notes ==
          std::vector<std::string>{"there are no tensors in it: it is no file of weights",
                                   "8 values that are no tensors are not listed: base_lrs.0, "
                                   "base_lrs.1, last_epoch, …"});
  }

  TEST_CASE("models of real PyTorch read as PyTorch gave their tensors") {
    const std::string folder = CKPT_SHARED "/models/torch";
    if (!std::filesystem::exists(folder)) {
      MESSAGE("skipped: there are no models in " CKPT_SHARED);
      return;
    }
    int compared = 0;
    for (const auto& item : std::filesystem::recursive_directory_iterator(folder)) {
      if (item.path().extension() != ".pt" || item.path().filename() == "full_module.pt") continue;
      CAPTURE(item.path().string());
      const auto reader = open_checkpoint(item.path());
      const auto& entries = reader->index().entries;
      std::string dtypes;  // the arrays are all kept as float32, which holds every value exactly
      std::vector<Bytes> bytes;
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!is_numeric(entries[i].dtype)) continue;
        CHECK(entries[i].aliases.empty());
        dtypes += cat(entries[i].name, "\t", name_of(entries[i].dtype), "\n");
        bytes.push_back(reader->read(i).bytes);
      }
      const std::string folder_of_model = item.path().parent_path().filename();
      if (folder_of_model == "quantized_tensor" || folder_of_model == "sparse_tensor") {
        CHECK(bytes.size() == 1);
        CHECK(entries.size() == 2);
        continue;
      }
      const std::string listed = run_python(R"(
import hashlib, sys, numpy
z = numpy.load(sys.argv[1])
rows = [line.split('\t') for line in sys.argv[2].splitlines()]
assert {n for n, t in rows} == set(z.files), (rows, z.files)
for n, t in rows:
    a = z[n]
    if t == 'bf16': a = (a.astype('f4').view('u4') >> 16).astype('u2')
    else: a = a.astype({'f': 'f%d', 'i': 'i%d', 'u': 'u%d'}[t[0]] % (int(t[1:]) // 8))
    print(hashlib.sha1(numpy.ascontiguousarray(a).tobytes()).hexdigest()[:12])
)",
                                            {item.path().parent_path() / "tensors.npz", dtypes});
      const auto digests = sha1_of(bytes);
      CHECK(join(digests, "\n") + "\n" == listed);
      compared += static_cast<int>(digests.size());
    }
    MESSAGE(compared, " tensors are as numpy has them");
    CHECK(compared > 150);
    CHECK(error_of([&] {
            open_checkpoint(folder + "/mlp/full_module.pt");
          }).find("its pickle names __main__.MLP, ") != std::string::npos);
  }

  TEST_CASE("every hostile file is answered as its manifest says, and nothing is run") {
    const auto files = hostile_files("torch");
    if (files.empty()) {
      MESSAGE("skipped: there are no hostile files in " CKPT_SHARED);
      return;
    }
    std::map<std::string, int> answered;
    int named = 0;
    for (const auto& row : files) {
      const auto& [file, what, expected] = row;
      CAPTURE(row.file);
      CAPTURE(row.what_is_wrong);
      std::string answer = "ok";
      std::string sentence;
      try {
        read_all(*open_checkpoint(hostile_path(file)));
      } catch (const Error& e) {
        answer = "error";
        sentence = e.what();
      }
      // Two that may be refused as well ("error is fine too"): values nested 100,000 deep, and a
      // pickle that ends with 300,001 values.
      const bool either = file == "torch/pk_deep.pt" || file == "torch/pk_dup.pt";
      if (!either) CHECK(answer == (expected.starts_with("ok") ? "ok" : expected));
      ++answered[answer];
      if (file.find("evil") != std::string::npos && file != "torch/evil_ext.pt") {
        CHECK(sentence.find("its pickle names ") != std::string::npos);
        ++named;
      }
    }
    MESSAGE(files.size(), " hostile files: ", answered["error"], " refused, ", answered["ok"],
            " read; ", named, " globals named");
    CHECK_FALSE(std::filesystem::exists("/tmp/CKPT_PWNED"));
  }

  TEST_CASE("pickles of protocols 1 to 5 say the same") {
    for (int protocol = 1; protocol <= 5; ++protocol) {
      CAPTURE(protocol);
      const WrittenTorch written(cat("protocol = ", protocol, R"(
value = {'state_dict': collections.OrderedDict([('fc.weight', w), ('fc.bias', T(six, (3,), (1,), 3))]),
  'optimizer': {'state': {0: {'exp_avg': T(six, (2,), (1,), 1)}}, 'param_groups': [{'lr': 0.5, 'params': [0, 1]}]},
  'epoch': -7, 'big': 1 << (80 if protocol > 1 else 40), 'huge': -(1 << 40), 'name': 'é\n\\x', 'none': None, 'yes': True, 'set': {1}, 'bytes': b'x', 'tuple': (1, 2, 3, 4)}
archive(p, value, [six_data], protocol))"));
      const auto reader = written.open();
      CHECK(names_of(*reader) == std::vector<std::string>{"state_dict.fc.weight",
                                                          "state_dict.fc.bias",
                                                          "optimizer.state.0.exp_avg"});
      CHECK(reader->index().separator == '.');
      CHECK(reader->index().layout == "nested dict");
      CHECK(reader->index().entries[2].role == Role::kSlot);
      CHECK(floats_of(*reader, "state_dict.fc.bias") == std::vector<float>{4, 5, 6});
      CHECK(reader->index().notes ==
            std::vector<std::string>{cat("15 values that are no tensors are not "
                                         "listed: optimizer.param_groups.0.lr, "
                                         "optimizer.param_groups.0.params.0, "
                                         "optimizer.param_groups.0.params.1, …")});
    }
  }

  TEST_CASE("the texts and numbers of protocol 0 are read") {
    const std::string bytes =
        "(dp0\nV\\u00e9\\n\np1\nI-5\nsS'it\\'s "
        "\\x41'\nL123L\nsVf\nF0.5\nsVyes\nI01\nsVl\n(lp2\ng1\nas.";
    const auto pickle = torch::read_pickle(as_byte_view(std::string_view(bytes)));
    const auto items = pickle.items_of(pickle.nodes[pickle.root]);
    REQUIRE(items.size() == 10);
    const auto node = [&](std::size_t i) -> const torch::Node& { return pickle.nodes[items[i]]; };
    CHECK(node(0).text() == "\xc3\xa9\\n");  // only \u is an escape there
    CHECK(node(1).number == -5);
    CHECK(node(2).text() == "it's A");
    CHECK(node(3).number == 123);
    CHECK(node(5).real == 0.5);
    CHECK(node(7).kind == torch::Kind::kBool);
    REQUIRE(pickle.items_of(node(9)).size() == 1);
    CHECK(pickle.items_of(node(9))[0] == items[0]);
    CHECK(pickle.size == bytes.size());
  }

  TEST_CASE("views of one storage: the same view is an alias, another part a variable") {
    const WrittenTorch written(R"(
value = {'a': w, 'tied': T(six, (2, 3), (3, 1)), 'also': w, 'T': T(six, (3, 2), (1, 3)), 'row': T(six, (3,), (1,), 3),
  'flat': T(six, (6,), (1,)), 'every': T(six, (3,), (2,)), 'wide': T(six, (4, 2), (0, 3)), 'p': T(six, (1,), (1,), 5, wrap=True)}
archive(p, value, [six_data]))");
    const auto reader = written.open();
    CHECK(names_of(*reader) ==
          std::vector<std::string>{"a", "T", "row", "flat", "every", "wide", "p"});
    CHECK(reader->index().entries[0].aliases == std::vector<std::string>{"also", "tied"});
    CHECK(floats_of(*reader, "tied") == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(floats_of(*reader, "T") == std::vector<float>{1, 4, 2, 5, 3, 6});
    CHECK(floats_of(*reader, "every") == std::vector<float>{1, 3, 5});
    CHECK(floats_of(*reader, "wide") == std::vector<float>{1, 4, 1, 4, 1, 4, 1, 4});
    CHECK(floats_of(*reader, "p") == std::vector<float>{6});
    CHECK(place_of(reader->index().entries[2]) == "m/data/0+12");
    CHECK(reader->details(1).storage == "strides [1, 3]");
    CHECK(reader->index().notes ==
          std::vector<std::string>{"1 variable repeats its stored elements (a stride of 0)"});
    // Any range of a view is that part of the whole.
    for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
      const Bytes whole = reader->read(i).bytes;
      for (std::size_t first = 0; first < whole.size(); first += 4) {
        for (std::size_t last = first + 4; last <= whole.size(); last += 4) {
          Bytes part(last - first);
          reader->read(i, first / 4, part);
          CHECK(std::equal(part.begin(), part.end(),
                           whole.begin() + static_cast<std::ptrdiff_t>(first)));
        }
      }
    }
  }

  TEST_CASE("a large transposed matrix is read row by row") {
    const WrittenTorch written(R"(
n = 1500; s = Storage('Float', 0, n * n)
archive(p, {'t': T(s, (n, n), (1, n))}, [b''.join(f32(*range(i * n, i * n + n)) for i in range(n))]))");
    const auto reader = written.open();
    std::vector<float> seen;
    for_each_piece(*reader, 0, [&](std::uint64_t, ByteView piece) {
      const std::size_t before = seen.size();
      seen.resize(before + piece.size() / 4);
      std::ranges::copy(piece, std::as_writable_bytes(std::span(seen).subspan(before)).begin());
    });
    REQUIRE(seen.size() == 1500 * 1500);
    bool right = true;
    for (std::size_t row = 0; row < 1500; ++row) {
      for (std::size_t column = 0; column < 1500; ++column) {
        right = right && seen[row * 1500 + column] == static_cast<float>(column * 1500 + row);
      }
    }
    CHECK(right);
  }

  TEST_CASE("big-endian storages are delivered little-endian") {
    const WrittenTorch written(R"(
value = {'f': T(Storage('Float', 0, 1), (1,), (1,)), 'b': T(Storage('BFloat16', 1, 1), (1,), (1,)), 'c': T(Storage('ComplexFloat', 2, 1), (), ())}
archive(p, value, [struct.pack('>f', 1.5), b'\x3f\x80', struct.pack('>2f', 1, 2)], order='big'))");
    const auto reader = written.open();
    CHECK(to_hex(as_text(reader->read(0).bytes)) == "0000c03f");
    CHECK(to_hex(as_text(reader->read(1).bytes)) == "803f");
    CHECK(to_hex(as_text(reader->read(2).bytes)) == "0000803f00000040");
    CHECK(reader->index().entries[0].native_dtype == ">f32");
    CHECK(WrittenTorch("archive(p, {'w': w}, [six_data], order='middle')").error() ==
          "its byte order is 'middle'; 'little' and 'big' are known");
  }

  TEST_CASE("quantised tensors are listed, and refused by name") {
    const WrittenTorch written(
        "archive(p, {'q': T(Storage('QInt8', 0, 4), (4,), (1,), scale=(affine, 0.5, 3))}, "
        "[b'1234'])");
    const auto reader = written.open();
    CHECK(reader->index().entries[0].dtype == DType::kOther);
    CHECK(reader->index().entries[0].shape == Shape{4});
    CHECK(
        error_of([&] { return reader->read(0); }) ==
        "q: holds qint8 with a scale, not numbers; it is listed and kept, but cannot be read as a "
        "tensor");
  }

  TEST_CASE("deflated members are read, and their checksum checked") {
    const WrittenTorch written("archive(p, {'w': w}, [six_data], method=8)");
    CHECK(floats_of(*written.open(), "w") == std::vector<float>{1, 2, 3, 4, 5, 6});
  }

  TEST_CASE("a legacy file is read, of either byte order") {
    const WrittenTorch little(
        "legacy(p, {'w': w, 'T': T(six, (3, 2), (1, 3))}, [('0', 6, six_data)])");
    const auto reader = little.open();
    CHECK(floats_of(*reader, "w") == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(floats_of(*reader, "T") == std::vector<float>{1, 4, 2, 5, 3, 6});
    const WrittenTorch big(
        "legacy(p, {'w': w}, [('0', 6, struct.pack('>6f', 1, 2, 3, 4, 5, 6))], little=False)");
    CHECK(floats_of(*big.open(), "w") == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(WrittenTorch("legacy(p, {'w': w}, [('1', 6, six_data)])").error() ==
          "lists a storage '1' that its pickle does not name, or lists it twice");
    CHECK(WrittenTorch("legacy(p, {'w': w}, [])").error() ==
          "has no storage '0', which its pickle names");
    const std::string lie = WrittenTorch("legacy(p, {'w': w}, [('0', 7, six_data)])").error();
    CHECK(lie.starts_with("storage 0 has 7 elements at "));
    // A pickle larger than what is read at first.
    const WrittenTorch large("legacy(p, {'pad': 'x' * 300000, 'w': w}, [('0', 6, six_data)])");
    CHECK(floats_of(*large.open(), "w") == std::vector<float>{1, 2, 3, 4, 5, 6});
  }

  TEST_CASE("a pickle that repeats the same few values without end is refused in time") {
    const WrittenTorch written(R"(
x = ['ha']
for _ in range(100): x = [x, x]
archive(p, {'w': w, 'x': x}, [six_data]))");
    CHECK(written.error() ==
          "its pickle has values at more than 10000000 places; the same few are "
          "repeated without end");
  }

  TEST_CASE("a value that contains itself is followed once") {
    const WrittenTorch written("x = {'w': w}; x['self'] = x\narchive(p, x, [six_data])");
    const auto reader = written.open();
    CHECK(names_of(*reader) == std::vector<std::string>{"w"});
    CHECK(reader->index().notes ==
          std::vector<std::string>{"1 value that contains itself is not followed further"});
  }

  TEST_CASE("two tensors under one name are refused") {
    CHECK(WrittenTorch("archive(p, {'a.b': w, 'a': {'b': T(six, (1,), (1,))}}, [six_data])")
              .error() == "two tensors are called 'a.b'");
  }

  TEST_CASE("names that no checkpoint needs end the reading, wherever they stand") {
    const auto error = [](const std::string& raw) {
      return WrittenTorch(cat("archive(p, None, [], raw=", raw, ")")).error();
    };
    const std::string rest =
        ", which is not among the names a checkpoint of tensors needs; nothing of it was run, and "
        "it is "
        "not read";
    CHECK(error("b'cos\\nsystem\\n.'") == cat("its pickle names os.system", rest));
    CHECK(error("b'(S\"true\"\\nios\\nsystem\\n.'") == cat("its pickle names os.system", rest));
    CHECK(error("b'\\x80\\x04\\x8c\\x08builtins\\x8c\\x04eval\\x93.'") ==
          cat("its pickle names builtins.eval", rest));
    CHECK(error("b'ctorch.nn.modules.linear.os\\nsystem\\n.'") ==
          cat("its pickle names torch.nn.modules.linear.os.system", rest));
    CHECK(error("b'ctorch.nn.modules.linear\\nLinear.forward\\n.'") ==
          cat("its pickle names torch.nn.modules.linear.Linear.forward", rest));
    CHECK(error("b'ctorch\\n\\n.'") == cat("its pickle names torch.", rest));
  }

  TEST_CASE("opcodes that make no sense are answered with their place") {
    const auto error = [](std::string_view pickle) {
      return error_of([&] { torch::read_pickle(as_byte_view(pickle)); });
    };
    CHECK(error("R.") == "its pickle takes a value where there is none (at byte 0 of the pickle)");
    CHECK(error("NNR.") ==
          "its pickle calls a value that is no class and no function (at byte 2 of the pickle)");
    CHECK(error("NNs.") ==
          "its pickle takes a value where there is none (at byte 2 of the pickle)");
    CHECK(error("](NNu.") ==
          "its pickle sets items of a value that is no dict (at byte 4 of the pickle)");
    CHECK(error("}(Nu.") == "its pickle sets a key without a value (at byte 3 of the pickle)");
    CHECK(error("(Nd.") == "its pickle sets a key without a value (at byte 2 of the pickle)");
    CHECK(error("]Nb.") ==
          "its pickle gives a state to a value that has none (at byte 2 of the pickle)");
    CHECK(error("(N.") == "its pickle ends inside 1 mark");
    CHECK(error("NN.") == "its pickle ends with 2 values; one is needed");
    CHECK(error(".") == "its pickle ends with 0 values; one is needed");
    CHECK(error("I12x\n.") ==
          "its pickle has '12x' where a decimal number of 64 bits is needed (at byte 0 of the "
          "pickle)");
    CHECK(error("Nq\x09.") == "its pickle fills entry 9 of its memo (at byte 1 of the pickle)");
    CHECK(error("g7\n.") ==
          "its pickle asks for entry 7 of its memo, which is empty (at byte 0 of the pickle)");
    CHECK(error("(N0.") == "its pickle ends inside 1 mark");
  }

  TEST_CASE("cut or flipped, an archive ends in an error or the same tensors") {
    const WrittenTorch written("archive(p, {'w': w, 't': T(six, (3, 2), (1, 3))}, [six_data])");
    const std::string bytes = read_file(written.path());
    const auto expected = read_all(*written.open());
    const Check same = [&](const Reader& reader) {
      CHECK(names_of(reader) == std::vector<std::string>{"w", "t"});
      CHECK(read_all(reader) == expected);
    };
    CHECK(cut_everywhere(torch::kTorchFormat, bytes, same).read == 0);
    const auto flipped = flip_everywhere(torch::kTorchFormat, bytes, bytes.size(), same);
    CHECK(flipped.refused > flipped.read);  // what is not looked at: times, versions, attributes
  }

  TEST_CASE("cut, a legacy file ends in an error; flipped, it never breaks the reader") {
    const WrittenTorch written(
        "legacy(p, {'w': w, 't': T(six, (3, 2), (1, 3))}, [('0', 6, six_data)])");
    const std::string bytes = read_file(written.path());
    CHECK(cut_everywhere(torch::kTorchFormat, bytes, [](const Reader&) {}).read == 0);
    // The format has no checksum: a flipped name or number is another name or number.
    const auto flipped =
        flip_everywhere(torch::kTorchFormat, bytes, bytes.size(), [](const Reader&) {});
    CHECK(flipped.refused > 500 / kStride<3>);
    CHECK(flipped.read > 100 / kStride<3>);
  }

  TEST_CASE("a written archive is a state dict to an independent reader, in every dtype") {
    const TempDir dir;
    std::vector<VariableSpec> specs;
    std::vector<Bytes> tensors;
    for (int d = 0; d < kDTypeCount; ++d) {
      const auto dtype = static_cast<DType>(d);
      if (!is_numeric(dtype)) continue;
      specs.push_back(
          {.name = cat("layer.", name_of(dtype)), .dtype = dtype, .shape = {2, d % 3, 300}});
      Bytes bytes(static_cast<std::size_t>(tensor_bytes(dtype, specs.back().shape)));
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
      tensors.push_back(bytes);
    }
    specs.push_back({.name = "scalar", .shape = {}});
    tensors.push_back(Bytes(4, std::byte{1}));
    auto writer = create_checkpoint(dir / "m.pt", specs, {}, "torch");
    for (std::size_t i = tensors.size(); i-- > 0;) {
      const ByteView view = tensors[i];
      writer->write(i, view.first(view.size() / 2));
      writer->write(i, view.subspan(view.size() / 2));
    }
    writer->commit();
    const auto reader = open_checkpoint(dir / "m.pt");
    REQUIRE(reader->index().entries.size() == specs.size());
    CHECK(reader->index().notes.empty());
    const auto digests = sha1_of(tensors);
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const Entry& entry = reader->index().entries[i];
      CHECK(entry.name == specs[i].name);
      CHECK(entry.dtype == specs[i].dtype);
      CHECK(entry.shape == specs[i].shape);
      CHECK(reader->read(i).bytes == tensors[i]);
      expected.push_back(cat(specs[i].name, " ", shape_text(specs[i].shape), " ", digests[i]));
    }
    // Python's own unpickler and zipfile, with names that stand for nothing.
    const std::string seen = run_python(R"(
import hashlib, pickle, sys, zipfile
z = zipfile.ZipFile(sys.argv[1] + '/m.pt')
assert z.testzip() is None and z.read('archive/version') == b'3\n' and z.read('archive/byteorder') == b'little'
class U(pickle.Unpickler):
    def find_class(self, module, name): return type(name, (), {'__init__': lambda s, *a: setattr(s, 'a', a)})
    def persistent_load(self, pid): return pid
for name, t in U(z.open('archive/data.pkl')).load().items():
    storage, offset, size, stride = t.a[:4]
    step = 1
    for n, s in reversed(list(zip(size, stride))): assert s == step, (size, stride); step *= max(n, 1)
    i = z.getinfo('archive/data/' + storage[2]); z.fp.seek(i.header_offset + 26)
    n, m = z.fp.read(2), z.fp.read(2)
    assert (i.header_offset + 30 + int.from_bytes(n, 'little') + int.from_bytes(m, 'little')) % 64 == 0
    print(name, 'x'.join(map(str, size)), hashlib.sha1(z.read(i)).hexdigest()[:12])
)",
                                        {dir.path()});
    CHECK(seen == join(expected, "\n") + "\n");
    CHECK(error_of([&] {
            create_checkpoint(dir / "n.pt", {{.name = "\xff", .shape = {}}}, {}, "torch");
          }) == cat(dir / "n.pt", ": '\\xff' is no UTF-8, which names in a PyTorch file must be"));
    CHECK_FALSE(std::filesystem::exists(dir / "n.pt"));
  }
}
