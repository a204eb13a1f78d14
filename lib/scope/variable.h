#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "scope/initializer.h"
#include "scope/partition.h"
#include "scope/variable_options.h"

namespace ckpt {

// A variable of a VariableStore, which owns it: references stay valid as long as the store. There
// are no copies; two are equal when they are the same one.
//
// A partitioned variable has slices, variables of their own which hold the values.
class Variable {
 public:
  struct Facts {
    std::string name;  // of its operation, and so its name in a checkpoint unless it is a slice
    std::string key;   // by which the store finds it; empty for a plain variable
    DType dtype = DType::kF32;
    Shape shape = {};
    Initializer initializer = Initializer::zeros();
    bool trainable = true;
    std::vector<std::string> collections = {};
    bool use_resource = false;
    std::string caching_device = {};
    std::string constraint = {};
    Synchronization synchronization = Synchronization::kAuto;
    Aggregation aggregation = Aggregation::kNone;
    std::string origin = {};               // where it was made: "dense.cc:12"
    std::optional<SaveSlice> slice = {};   // of a larger whole, in checkpoints
    std::vector<Variable*> slices = {};    // of a partitioned variable
    std::vector<std::int64_t> parts = {};  // of a partitioned variable: pieces along each axis
  };

  explicit Variable(Facts facts) : facts_(std::move(facts)) {}
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] const std::string& name() const { return facts_.name; }
  [[nodiscard]] const std::string& key() const { return facts_.key; }
  [[nodiscard]] DType dtype() const { return facts_.dtype; }
  [[nodiscard]] const Shape& shape() const { return facts_.shape; }
  [[nodiscard]] bool trainable() const { return facts_.trainable; }
  [[nodiscard]] const std::optional<SaveSlice>& slice() const { return facts_.slice; }
  [[nodiscard]] const std::vector<Variable*>& slices() const { return facts_.slices; }

  // Says that this variable is a slice of a whole that checkpoints keep as one.
  void set_slice(SaveSlice slice) { facts_.slice = std::move(slice); }

  // Has it got values, by initialize(), assign() or restore()?
  [[nodiscard]] bool initialized() const;

  // A copy of its values; those of a partitioned variable are put together from its slices.
  // Throws Error(kInvalid) where it has none yet.
  [[nodiscard]] Tensor value() const;

  // The bytes of its values, where they are. Throws Error(kInvalid) where it has none yet.
  // REQUIRES: it has no slices.
  [[nodiscard]] ByteView bytes() const;

  // Replaces its values. Throws Error(kConflict) where shape or dtype differ, Error(kInvalid) where
  // the bytes are not those of the shape.
  void assign(Tensor tensor);

  // Gives it the values of its initializer. Slices get what the whole would have had there, so the
  // values of a variable do not depend on how it is cut. Throws Error(kInvalid).
  void initialize(std::uint64_t seed);

  friend bool operator==(const Variable& a, const Variable& b) { return &a == &b; }

 private:
  friend class VariableStore;

  void check_initialized() const;

  Facts facts_;
  std::optional<Tensor> value_;
};

// The part of `whole` that is at `slice`. REQUIRES: whole.shape == slice.full_shape.
Tensor cut(const Tensor& whole, const SaveSlice& slice);

// Puts `piece` into `whole` where `slice` says.
// REQUIRES: whole.shape == slice.full_shape, piece.shape == slice.shape, one dtype.
void paste(Tensor& whole, const Tensor& piece, const SaveSlice& slice);

}  // namespace ckpt
