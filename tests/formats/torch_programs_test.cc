// PyTorch itself as the witness, where it is installed: what it saves is edited, what is written
// is loaded.
#include <doctest/doctest.h>

#include "core/text.h"
#include "formats/formats.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

bool has_torch() {
  static const bool has = run({"/usr/bin/python3", "-c", "import torch"}).status == 0;
  if (!has) MESSAGE("SKIPPED: python3-torch is not installed");
  return has;
}

// Names, types, shapes and values as torch.load() gives them; of tensors that share a storage with
// an earlier one, with which.
std::string loaded(const std::string& path) {
  return run_python(R"(
import sys, torch
seen = {}
def show(prefix, value):
  if isinstance(value, dict):
    for k, v in value.items(): show(prefix + [str(k)], v)
  elif torch.is_tensor(value):
    name = '.'.join(prefix)
    same = seen.setdefault(value.storage().data_ptr(), name)
    print(name, str(value.dtype)[6:], list(value.shape), value.reshape(-1).tolist(),
          '' if same == name else 'of ' + same)
  else: print('.'.join(prefix), repr(value))
show([], torch.load(sys.argv[1]))
)",
                    {path});
}

}  // namespace

TEST_SUITE("formats/torch_programs") {
  TEST_CASE("PyTorch loads what is written, in every type that it has") {
    if (!has_torch()) return;
    const TempDir dir;
    std::vector<VariableSpec> specs;
    std::string wanted;
    for (const auto& [dtype, values] : std::initializer_list<std::pair<DType, std::string>>{
             {DType::kF16, "float16 [2] [1.0, 1.0]"},
             {DType::kBf16, "bfloat16 [2] [1.0, 1.0]"},
             {DType::kF32, "float32 [2] [1.0, 1.0]"},
             {DType::kF64, "float64 [2] [1.0, 1.0]"},
             {DType::kI8, "int8 [2] [1, 1]"},
             {DType::kI16, "int16 [2] [1, 1]"},
             {DType::kI32, "int32 [2] [1, 1]"},
             {DType::kI64, "int64 [2] [1, 1]"},
             {DType::kU8, "uint8 [2] [1, 1]"},
             {DType::kBool, "bool [2] [True, True]"}}) {
      specs.push_back({.name = cat("a.", name_of(dtype)), .dtype = dtype, .shape = {2}});
      wanted += cat("a.", name_of(dtype), " ", values, " \n");
    }
    const auto writer = create_checkpoint(dir / "m.pt", specs, {}, "torch");
    const std::vector<std::vector<unsigned char>> ones{
        {0, 0x3c}, {0x80, 0x3f}, {0, 0, 0x80, 0x3f}, {0, 0, 0, 0, 0, 0, 0xf0, 0x3f},
        {1},       {1, 0},       {1, 0, 0, 0},       {1, 0, 0, 0, 0, 0, 0, 0},
        {1},       {1}};
    for (std::size_t i = 0; i < ones.size(); ++i) {
      for (int twice = 0; twice < 2; ++twice) {
        writer->write(i, std::as_bytes(std::span(ones[i])));
      }
    }
    writer->commit();
    CHECK(loaded(dir / "m.pt") == wanted);
  }

  TEST_CASE("what PyTorch saved is renamed, converted and loaded by it again") {
    if (!has_torch()) return;
    const TempDir dir;
    run_python(R"(
import collections, sys, torch
w = torch.arange(6.).reshape(2, 3)
torch.save({'epoch': 3, 'state_dict': collections.OrderedDict([
  ('module.fc.weight', w), ('module.fc.bias', torch.nn.Parameter(torch.ones(2))),
  ('module.tied.weight', w.t()), ('module.half', torch.ones(2, dtype=torch.bfloat16))])}, sys.argv[1])
)",
               {dir / "a.pt"});
    const auto ckpt = [&](std::vector<std::string> arguments) {
      const auto result = run_ckpt(std::move(arguments), dir.path());
      CHECK(result.status == 0);
    };
    ckpt({"remap", "a.pt", "b.pt", "-r", "state_dict.module. = state_dict."});
    CHECK(loaded(dir / "b.pt") ==
          "epoch 3\n"
          "state_dict.fc.weight float32 [2, 3] [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] \n"
          "state_dict.fc.bias float32 [2] [1.0, 1.0] \n"
          "state_dict.tied.weight float32 [3, 2] [0.0, 3.0, 1.0, 4.0, 2.0, 5.0] of "
          "state_dict.fc.weight\n"
          "state_dict.half bfloat16 [2] [1.0, 1.0] \n");
    ckpt({"remap", "-i", "a.pt", "-r", "state_dict.module. = state_dict."});
    CHECK(loaded(dir / "a.pt") == loaded(dir / "b.pt"));
    ckpt({"convert", "b.pt", "c.pt", "-r", "state_dict. = ."});
    CHECK(loaded(dir / "c.pt") ==
          "fc.weight float32 [2, 3] [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] \n"
          "fc.bias float32 [2] [1.0, 1.0] \n"
          "tied.weight float32 [3, 2] [0.0, 3.0, 1.0, 4.0, 2.0, 5.0] \n"
          "half bfloat16 [2] [1.0, 1.0] \n");
  }
}
