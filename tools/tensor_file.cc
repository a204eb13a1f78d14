#include "tensor_file.h"

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "model/array.h"

namespace ckpt {
namespace {

bool numpy_has(DType dtype) {
  return dtype != DType::kBf16 && dtype != DType::kF8e4m3 && dtype != DType::kF8e5m2;
}

Tensor as_f32(const Tensor& tensor) {
  Array array = from_tensor(tensor);
  round(array, DType::kF32);
  return to_tensor(array);
}

}  // namespace

std::vector<NamedTensor> read_tensors(const std::string& path, Console& console) {
  const auto reader = open_input(path, false, console);
  std::vector<NamedTensor> tensors;
  try {
    for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
      tensors.push_back({reader->index().entries[i].name, reader->read(i)});
    }
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
  return tensors;
}

void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                   Overwrite overwrite) {
  std::vector<Tensor> stored;
  std::vector<VariableSpec> specs;
  for (const auto& [name, tensor] : tensors) {
    stored.push_back(numpy_has(tensor.dtype) ? tensor : as_f32(tensor));
    specs.push_back({.name = name, .dtype = stored.back().dtype, .shape = tensor.shape});
  }
  const auto writer = create_checkpoint(path, std::move(specs), {.overwrite = overwrite}, "npz");
  for (std::size_t i = 0; i < stored.size(); ++i) writer->write(i, stored[i].bytes);
  writer->commit();
}

}  // namespace ckpt
