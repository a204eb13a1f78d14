#include <doctest/doctest.h>

#include "core/text.h"
#include "formats/formats.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// Python's own pickle, with stand-ins for torch's functions: writes archives as torch.save() does,
// and prints what an archive holds.
constexpr std::string_view kPython = R"(
import collections, io, pickle, struct, sys, types, zipfile
torch = types.ModuleType('torch'); utils = types.ModuleType('torch._utils')
class Storage:
  def __init__(self, key, values): self.key, self.values = key, values
class FloatStorage: pass
FloatStorage.__module__ = 'torch'
def _rebuild_tensor_v2(storage, offset, size, stride, grad, hooks):
  t = Tensor(storage, offset, size); t.hooks = hooks; return t
_rebuild_tensor_v2.__module__ = 'torch._utils'
class Tensor:
  def __init__(self, storage, offset, size): self.s, self.o, self.z = storage, offset, size
  def __reduce__(self):
    return _rebuild_tensor_v2, (self.s, self.o, self.z, (1,) * len(self.z), False, collections.OrderedDict())
  def __repr__(self):
    n = 1
    for z in self.z: n *= z
    return str(self.s.values[self.o:self.o + n])
torch.FloatStorage = FloatStorage; utils._rebuild_tensor_v2 = _rebuild_tensor_v2; torch._utils = utils
sys.modules['torch'] = torch; sys.modules['torch._utils'] = utils
stored = {}
class Saver(pickle.Pickler):
  def persistent_id(self, o):
    if isinstance(o, Storage):
      stored[o.key] = o.values
      return ('storage', FloatStorage, o.key, 'cpu', len(o.values))
def tensor(key, *values): return Tensor(Storage(key, list(values)), 0, (len(values),))
def save(path, value, protocol):
  out = io.BytesIO(); Saver(out, protocol).dump(value)
  with zipfile.ZipFile(path, 'w') as z:
    z.writestr('m/data.pkl', out.getvalue())
    for k, v in stored.items(): z.writestr('m/data/' + k, struct.pack('<%df' % len(v), *v))
    z.writestr('m/version', '3\n')
class Loader(pickle.Unpickler):
  def persistent_load(self, pid):
    raw = archive.read('m/data/' + pid[2])
    return Storage(pid[2], list(struct.unpack('<%df' % (len(raw) // 4), raw)))
def load(path):
  global archive
  archive = zipfile.ZipFile(path)
  return Loader(io.BytesIO(archive.read('m/data.pkl'))).load()
)";

// A checkpoint as training scripts save it: a nested dict, tied tensors, keys that the memo has for
// others to use, values that are no tensors, and one text that is key here and value there.
constexpr std::string_view kMake = R"(
shared = Storage('2', [1., 2., 3., 4.])
tied = Tensor(shared, 0, (4,))
sd = collections.OrderedDict([('fc.weight', tensor('0', 5., 6.)), ('fc.bias', tensor('1', 7.)),
                              ('tied', tied), ('part', Tensor(shared, 2, (2,)))])
name = 'epoch'
save(sys.argv[1], {'state_dict': sd, 'head': {'tied': tied, 'fc.weight': tensor('9', 8.)},
                   'epoch': 3, 'best': name, 'parts': [tensor('10', 0.5)]}, int(sys.argv[2]))
)";

struct Archive {
  explicit Archive(int protocol) : path(dir / "m.pt") {
    run_python(cat(kPython, kMake), {path, cat(protocol)});
  }
  EditResult edit(const Edit& edit) const { return find_format("torch")->edit(path, "", edit, {}); }
  [[nodiscard]] std::string content() const {
    return run_python(
        cat(kPython,
            "v = load(sys.argv[1])\n"
            "print({k: dict(x) if isinstance(x, dict) else x for k, x in v.items()})\n"
            "print(sorted(n[7:] for n in archive.namelist() if '/data/' in n))\n"),
        {path});
  }
  TempDir dir;
  std::string path;
};

constexpr int kProtocols[] = {2, 3, 4, 5};

Put put_of(const std::string& name, const std::string& replaces) {
  return {.spec = {.name = name, .shape = {2}},
          .replaces = replaces,
          .produce = [](const Reader&, const auto& take) { take(Bytes(8, std::byte{0})); }};
}

}  // namespace

TEST_SUITE("formats/torch_edit") {
  TEST_CASE("keys change where they are, and all else is what Python saved") {
    for (const int protocol : kProtocols) {
      CAPTURE(protocol);
      const Archive archive(protocol);
      archive.edit(
          {{{"state_dict.fc.weight", "state_dict.out.w"}, {"head.tied", "head.t"}}, {}, {}});
      CHECK(archive.content() ==
            "{'state_dict': {'out.w': [5.0, 6.0], 'fc.bias': [7.0], 'tied': [1.0, 2.0, 3.0, 4.0], "
            "'part': [3.0, 4.0]}, 'head': {'t': [1.0, 2.0, 3.0, 4.0], 'fc.weight': [8.0]}, "
            "'epoch': 3, 'best': 'epoch', 'parts': [[0.5]]}\n"
            "['0', '1', '10', '2', '9']\n");
    }
  }

  TEST_CASE("a dict is renamed when all of its variables move") {
    for (const int protocol : kProtocols) {
      CAPTURE(protocol);
      const Archive archive(protocol);
      archive.edit(
          {{{"head.tied", "top.deep.tied"}, {"head.fc.weight", "top.deep.fc.weight"}}, {}, {}});
      CHECK(archive.content() ==
            "{'state_dict': {'fc.weight': [5.0, 6.0], 'fc.bias': [7.0], 'tied': [1.0, 2.0, 3.0, "
            "4.0], 'part': [3.0, 4.0]}, 'top.deep': {'tied': [1.0, 2.0, 3.0, 4.0], 'fc.weight': "
            "[8.0]}, 'epoch': 3, 'best': 'epoch', 'parts': [[0.5]]}\n"
            "['0', '1', '10', '2', '9']\n");
    }
  }

  TEST_CASE("what is dropped leaves what others take of it from the memo") {
    for (const int protocol : kProtocols) {
      CAPTURE(protocol);
      const Archive archive(protocol);
      archive.edit({{}, {"state_dict.fc.weight", "state_dict.tied"}, {}});
      const bool counts_memo = protocol >= 4;  // then the storages are read all the same
      CHECK(
          archive.content() ==
          cat("{'state_dict': {'fc.bias': [7.0], 'part': [3.0, 4.0]}, 'head': {'tied': [1.0, 2.0, "
              "3.0, 4.0], 'fc.weight': [8.0]}, 'epoch': 3, 'best': 'epoch', 'parts': [[0.5]]}\n",
              counts_memo ? "['0', '1', '10', '2', '9']\n" : "['1', '10', '2', '9']\n"));
    }
  }

  TEST_CASE("a new tensor takes the place of the old one in its dict") {
    for (const int protocol : kProtocols) {
      CAPTURE(protocol);
      const Archive archive(protocol);
      archive.edit({{},
                    {"state_dict.fc.bias"},
                    {put_of("state_dict.fc.b", "state_dict.fc.bias"), put_of("extra", "")}});
      const std::string content = archive.content();
      CHECK(content.starts_with(
          "{'state_dict': {'fc.weight': [5.0, 6.0], 'fc.b': [0.0, 0.0], 'tied': [1.0, 2.0, 3.0, "
          "4.0], 'part': [3.0, 4.0]}, 'head': {'tied': [1.0, 2.0, 3.0, 4.0], 'fc.weight': [8.0]}, "
          "'epoch': 3, 'best': 'epoch', 'parts': [[0.5]], 'extra': [0.0, 0.0]}\n"));
    }
  }

  TEST_CASE("what the dicts cannot express is refused with the reason") {
    const Archive archive(2);
    const auto error = [&](const Edit& edit) { return error_of([&] { archive.edit(edit); }); };
    CHECK(
        error({{{"state_dict.fc.bias", "fc.bias"}}, {}, {}}) ==
        "'state_dict.fc.bias' cannot become 'fc.bias': it lies in the dict 'state_dict', which its "
        "other variables keep where they are; `ckpt convert` writes a plain state dict, under any "
        "names");
    CHECK(error({{{"parts.0", "parts.x"}}, {}, {}}) ==
          "'parts.0' cannot become 'parts.x': it lies in a list, whose items have no names; `ckpt "
          "convert` writes a plain state dict, under any names");
    CHECK(error({{{"head.tied", "head.\xff"}}, {}, {}}) ==
          "'\\xff' is no UTF-8, which names in a PyTorch file must be");
  }
}
