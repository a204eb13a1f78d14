#pragma once

#include <cstdint>
#include <string_view>

#include "core/dtype.h"

namespace ckpt::torch {

// What a name in a pickle ("torch.FloatStorage") stands for here. Nothing is ever imported or
// called: a name is a mark on a node, and a call is a node with its arguments.
enum class Meaning : std::uint8_t {
  kDict,             // a call makes an empty dict: OrderedDict, defaultdict, Counter
  kList,             // … an empty list
  kSet,              // … a set of the argument's items
  kStorage,          // a class of storages, of one dtype
  kUntypedStorage,   // a class of storages of bytes
  kDType,            // torch.float32
  kTensor,           // torch._utils._rebuild_tensor(storage, offset, size, stride), and its v2
  kTensorOfDType,    // _rebuild_tensor_v3: the storage is bytes, the dtype an argument
  kWrapped,          // a call whose first argument is the tensor: parameters
  kWrappedCall,      // _rebuild_from_type_v2(function, class, arguments, state)
  kQuantisedTensor,  // _rebuild_qtensor: integers with a scale
  kSparseTensor,     // _rebuild_sparse_tensor
  kSize,             // torch.Size(tuple)
  kModule,           // a class of torch.nn.modules
  kScriptClass,      // a class of the archive's own code (TorchScript)
  kInert,            // anything else that harmless checkpoints have: its values are not tensors
};

struct Global {
  Meaning meaning = Meaning::kInert;
  DType dtype = DType::kOther;  // of kStorage and kDType
  std::string_view native;      // where `dtype` is kOther: "qint8"
  std::uint32_t size = 0;       // bytes an element of kStorage and kDType
};

// The meaning of a name. Throws Error(kUnsupported), naming it, where it is not among those that a
// state dict, a module of torch's own layers or a TorchScript archive needs.
Global find_global(std::string_view module, std::string_view name);

// How PyTorch calls a dtype's storages ("FloatStorage"); empty for dtypes that have none and are
// kept in storages of bytes.
std::string_view storage_name(DType dtype);

// "float32" of torch.float32. REQUIRES: is_numeric(dtype).
std::string_view torch_name(DType dtype);

}  // namespace ckpt::torch
