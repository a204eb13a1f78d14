#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace ckpt {

// A variable to be written.
struct VariableSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape = {};
  bool trainable = true;
  std::vector<std::string> collections = {};
};

// A checkpoint in the making. The index is given whole when it is created, so that a target which
// cannot hold it is refused before a tensor is computed; then each tensor's bytes are streamed, in
// any number of pieces and any order of variables. commit() makes the checkpoint appear, whole;
// without it no trace is left.
class Writer {
 public:
  explicit Writer(std::vector<VariableSpec> specs);
  virtual ~Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] const std::vector<VariableSpec>& specs() const { return specs_; }

  // Appends to the bytes of variable `i` (row-major, little-endian).
  // Throws Error(kInvalid) where they are more than its shape and dtype hold, Error(kWrite) where
  // the target cannot be written.
  void write(std::size_t i, ByteView bytes);

  // Throws Error(kInvalid), naming each, where variables have not got all of their bytes.
  void commit();

 private:
  virtual void do_write(std::size_t i, std::uint64_t offset, ByteView bytes) = 0;
  virtual void do_commit() = 0;

  std::vector<VariableSpec> specs_;
  std::vector<std::uint64_t> written_;
  std::vector<std::uint64_t> expected_;
};

}  // namespace ckpt
