// Partitioned variables: the part of VariableStore that makes slices.

#include "core/escape.h"
#include "core/text.h"
#include "scope/scope_error.h"
#include "scope/variable_store.h"

namespace ckpt {
namespace {

std::string slice_name(std::string_view whole, std::int64_t i) { return cat(whole, "/part_", i); }

std::vector<std::int64_t> parts_of(const Shape& shape, const Partitioning& partitioning) {
  std::vector<std::int64_t> parts(shape.size(), 1);
  parts[partitioning.axis] = partitioning.pieces;
  return parts;
}

// A constant brings the shape and the values that slices are cut from.
void settle_constant(VariableRequest& request) {
  VariableOptions& options = request.options;
  if (!options.initializer || options.initializer->needs_shape()) return;
  Tensor whole = options.initializer->make({}, DType::kF32, 0, request.name);
  if (options.shape && *options.shape != whole.shape) {
    throw ScopeError(ScopeErrc::kConstShape,
                     cat(escape(request.name), ": the shape ", to_string(*options.shape),
                         " was given beside a constant initializer of shape ",
                         to_string(whole.shape), "; give one of them"));
  }
  options.shape = whole.shape;
  options.dtype = whole.dtype;
  options.initializer = Initializer::value(std::move(whole));
}

}  // namespace

// Slices that exist already, by names alone, must be as many as the partitioner wants.
void VariableStore::check_shards(std::string_view name, std::int64_t pieces) const {
  if (!by_key_.contains(slice_name(name, 0))) return;
  const std::string last = slice_name(name, pieces - 1);
  const std::string extra = slice_name(name, pieces);
  const bool has_last = by_key_.contains(last);
  if (has_last && !by_key_.contains(extra)) return;
  throw ScopeError(
      ScopeErrc::kPartCount,
      cat(escape(name), ": the partitioner wants ", count_of(std::uint64_t(pieces), "slice"),
          ", and '", escape(slice_name(name, 0)), "' exists, but ",
          has_last ? cat("so does the extra '", escape(extra), "'")
                   : cat("'", escape(last), "' does not"),
          "; partition it as before, or use another name"));
}

Variable& VariableStore::get_partitioned(VariableRequest request) {
  VariableOptions& options = request.options;
  if (by_key_.contains(request.name)) {
    throw ScopeError(ScopeErrc::kPartVsPlain,
                     cat(escape(request.name),
                         ": a partitioner was given, but this variable "
                         "exists and is whole, first made at ",
                         by_key_.find(request.name)->second->facts().origin,
                         "; ask for it without a partitioner, or use another name"));
  }
  const auto found = partitioned_by_key_.find(request.name);
  std::optional<Partitioning> partitioning;
  if (options.partitioner) {
    settle_constant(request);
    if (!options.shape) {
      throw ScopeError(ScopeErrc::kPartShape, cat(escape(request.name),
                                                  ": a new partitioned variable needs a shape of "
                                                  "one axis or more with all extents known; there "
                                                  "is none"));
    }
    partitioning = partition(request.name, *options.partitioner, *options.shape,
                             options.dtype.value_or(DType::kF32));
  }
  if (found != partitioned_by_key_.end()) {
    Variable& whole = *found->second;
    if (request.reuse == Reuse::kFalse) {
      throw ScopeError(
          ScopeErrc::kPartExists,
          cat(escape(request.name), ": this partitioned variable already exists, first made at ",
              whole.facts().origin,
              ", and reuse is False here; open the scope with reuse True to share it, or with "
              "reuse AUTO to share it where it exists and make it where it does not"));
    }
    check_found(whole, request);
    if (partitioning && parts_of(whole.shape(), *partitioning) != whole.facts().parts) {
      throw ScopeError(ScopeErrc::kPartChanged,
                       cat(escape(request.name), ": is cut in ", to_string(whole.facts().parts),
                           " pieces along its axes, but was asked for in ",
                           to_string(parts_of(whole.shape(), *partitioning)),
                           "; use the same partitioner, or none with reuse True"));
    }
    return whole;
  }
  if (request.reuse == Reuse::kTrue) {
    throw ScopeError(ScopeErrc::kPartMissing,
                     cat(escape(request.name),
                         ": this partitioned variable does not exist, or was not made by "
                         "get_variable, and reuse is True here; open the scope with reuse AUTO to "
                         "make it where it is missing, or without reuse"));
  }
  check_shards(request.name, partitioning->pieces);

  Variable::Facts facts{.name = request.name,
                        .key = request.name,
                        .dtype = options.dtype.value_or(DType::kF32),
                        .shape = *options.shape,
                        .trainable = options.trainable.value_or(true)};
  facts.parts = parts_of(*options.shape, *partitioning);
  for (std::int64_t i = 0; i < partitioning->pieces; ++i) {
    const SaveSlice slice = slice_of(request.name, *options.shape, *partitioning, i);
    try {
      const PartitionInfo checks_itself(slice.full_shape, slice.offset);
    } catch (const ScopeError& e) {
      throw e.in(slice_name(escape(request.name), i));
    }
    VariableRequest piece = request;
    piece.name = slice_name(request.name, i);
    const Tensor* constant = options.initializer ? options.initializer->constant_value() : nullptr;
    if (constant != nullptr) {
      piece.options.initializer = Initializer::value(cut(*constant, slice));
      piece.options.shape.reset();
    } else {
      piece.options.shape = slice.shape;
    }
    piece.options.partitioner.reset();
    Variable& made = get_whole(std::move(piece));
    made.set_slice(slice);
    facts.slices.push_back(&made);
  }
  facts.initializer = facts.slices.front()->facts().initializer;
  facts.collections = facts.slices.front()->facts().collections;
  facts.origin = facts.slices.front()->facts().origin;
  Variable& whole = *partitioned_.emplace_back(std::make_unique<Variable>(std::move(facts)));
  partitioned_by_key_.emplace(request.name, &whole);
  return whole;
}

}  // namespace ckpt
