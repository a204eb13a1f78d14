#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "scope/variable_store.h"

namespace ckpt {

// Between a store of variables and checkpoints: the global variables, by the names of their
// operations, sorted. A partitioned variable is kept as the one whole tensor it stands for, so that
// a checkpoint does not depend on how a run was cut: it can be restored into other slices or none,
// and everything else that reads checkpoints sees an ordinary variable.

// The rows of the checkpoint that save() writes. Throws ScopeError(kSaverDup) where two variables
// have one name.
std::vector<VariableSpec> specs_of(const VariableStore& store);

// Makes a writer of those variables: `return create_memory(target, std::move(specs));`.
using MakeWriter = std::function<std::unique_ptr<Writer>(std::vector<VariableSpec>)>;

// Writes the store and commits it. Throws ScopeError(kSaverDup); Error(kInvalid), naming each and
// before the writer is made, where variables have no values yet; and what the writer throws.
void save(const VariableStore& store, const MakeWriter& make_writer);

struct RestoreOptions {
  bool allow_missing = false;     // variables that the checkpoint has not keep what they have
  bool allow_unexpected = false;  // the checkpoint may have others
};

struct RestoreReport {
  std::vector<std::string> restored;
  std::vector<std::string> missing;     // in the checkpoint
  std::vector<std::string> unexpected;  // in the checkpoint, and not in the store
};

// Gives the store's global variables the values that the checkpoint has under their names (or as
// aliases of others). All or nothing: where a name, shape or dtype does not fit, the one Error
// names each such variable, a missing one with the nearest names the checkpoint has, and the store
// is as it was; so it is where reading a tensor fails.
// Throws Error(kNotFound) where variables are missing, else Error(kConflict);
// ScopeError(kSaverDup); what the reader throws.
RestoreReport restore(VariableStore& store, const Reader& reader,
                      const RestoreOptions& options = {});

}  // namespace ckpt
