#include "checkpoint/store_io.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "scope/saveable.h"

namespace ckpt {
namespace {

VariableSpec spec_of(const Saveable& saveable) {
  const Variable& first = *saveable.parts.front();
  return {.name = saveable.name,
          .dtype = saveable.dtype,
          .shape = saveable.shape,
          .trainable = first.trainable(),
          .collections = first.facts().collections};
}

// The whole tensor of slices.
Tensor assemble(const Saveable& saveable) {
  Tensor whole{saveable.dtype, saveable.shape, Bytes(tensor_bytes(saveable.dtype, saveable.shape))};
  for (const Variable* part : saveable.parts) paste(whole, part->value(), *part->slice());
  return whole;
}

void check_initialized(const std::vector<Saveable>& saveables) {
  std::vector<std::string> empty;
  for (const Saveable& saveable : saveables) {
    if (!std::ranges::all_of(saveable.parts, &Variable::initialized)) {
      empty.push_back(escape(saveable.name));
    }
  }
  if (empty.empty()) return;
  throw Error(Errc::kInvalid, cat(count_of(empty.size(), "variable"),
                                  " cannot be saved without a value: ", join(empty, ", "),
                                  "; initialise or restore the store first"));
}

// What restore() does, decided before a tensor is read.
struct Fit {
  std::vector<std::pair<const Saveable*, std::size_t>> pairs;  // and the entry of each
  RestoreReport report;
  std::vector<std::string> mismatched;  // a sentence each
};

Fit fit(const std::vector<Saveable>& saveables, const std::vector<Entry>& entries) {
  std::unordered_map<std::string_view, std::size_t> entry_of;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entry_of.emplace(entries[i].name, i);
    for (const std::string& alias : entries[i].aliases) entry_of.emplace(alias, i);
  }
  Fit out;
  std::vector<bool> wanted(entries.size(), false);
  for (const Saveable& saveable : saveables) {
    const auto found = entry_of.find(saveable.name);
    if (found == entry_of.end()) {
      out.report.missing.push_back(saveable.name);
      continue;
    }
    const Entry& entry = entries[found->second];
    wanted[found->second] = true;
    out.report.restored.push_back(saveable.name);
    out.pairs.emplace_back(&saveable, found->second);
    if (entry.shape != saveable.shape || entry.dtype != saveable.dtype) {
      out.mismatched.push_back(cat(escape(saveable.name), " (the store has ",
                                   name_of(saveable.dtype), " ", to_string(saveable.shape),
                                   ", the checkpoint ", name_of(entry.dtype), " ",
                                   to_string(entry.shape), ")"));
    }
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!wanted[i]) out.report.unexpected.push_back(entries[i].name);
  }
  std::ranges::sort(out.report.unexpected);
  return out;
}

// Throws all problems that are not allowed, in one sentence each.
void check(const Fit& fit, const RestoreOptions& options) {
  const bool missing = !options.allow_missing && !fit.report.missing.empty();
  const bool unexpected = !options.allow_unexpected && !fit.report.unexpected.empty();
  std::vector<std::string> problems;
  if (missing) {
    std::vector<std::string> names;
    for (const std::string& name : fit.report.missing) {
      // Names that nothing else claims are what a variable may be called there.
      const auto near = nearest(name, fit.report.unexpected, 1);
      names.push_back(near.empty() ? escape(name)
                                   : cat(escape(name), " (nearest: ", escape(near[0]), ")"));
    }
    problems.push_back(
        cat(count_of(names.size(), "variable"), " missing in it: ", join(names, ", ")));
  }
  if (unexpected) {
    std::vector<std::string> names;
    for (const std::string& name : fit.report.unexpected) names.push_back(escape(name));
    problems.push_back(
        cat(count_of(names.size(), "variable"), " of it not in the store: ", join(names, ", ")));
  }
  if (!fit.mismatched.empty()) {
    problems.push_back(cat(count_of(fit.mismatched.size(), "variable"),
                           " of another shape or dtype: ", join(fit.mismatched, ", ")));
  }
  if (problems.empty()) return;
  throw Error(missing ? Errc::kNotFound : Errc::kConflict,
              cat("the checkpoint does not fit the store: ", join(problems, "; ")));
}

}  // namespace

std::vector<VariableSpec> specs_of(const VariableStore& store) {
  std::vector<VariableSpec> specs;
  for (const Saveable& saveable : saveables_of(store)) specs.push_back(spec_of(saveable));
  return specs;
}

void save(const VariableStore& store, const MakeWriter& make_writer) {
  const std::vector<Saveable> saveables = saveables_of(store);
  check_initialized(saveables);
  std::vector<VariableSpec> specs;
  for (const Saveable& saveable : saveables) specs.push_back(spec_of(saveable));
  const std::unique_ptr<Writer> writer = make_writer(std::move(specs));
  for (std::size_t i = 0; i < saveables.size(); ++i) {
    const Variable& first = *saveables[i].parts.front();
    if (first.slice()) {
      writer->write(i, assemble(saveables[i]).bytes);
    } else {
      writer->write(i, first.bytes());
    }
  }
  writer->commit();
}

RestoreReport restore(VariableStore& store, const Reader& reader, const RestoreOptions& options) {
  const std::vector<Saveable> saveables = saveables_of(store);
  Fit decided = fit(saveables, reader.index().entries);
  check(decided, options);
  std::vector<std::pair<Variable*, Tensor>> values;
  for (const auto& [saveable, entry] : decided.pairs) {
    for (Variable* part : saveable->parts) {
      const auto& slice = part->slice();
      values.emplace_back(
          part, slice ? reader.read_slice(entry, slice->offset, slice->shape) : reader.read(entry));
    }
  }
  for (auto& [variable, tensor] : values) variable->assign(std::move(tensor));
  return std::move(decided.report);
}

}  // namespace ckpt
