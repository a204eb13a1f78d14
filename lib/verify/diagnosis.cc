#include "verify/diagnosis.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "verify/diagnosing/patched_reader.h"
#include "verify/diagnosing/relation.h"

namespace ckpt {
namespace {

// "'a'", "each of 'a', 'b'", "each of 'a', 'b', 'c' and 5 more".
std::string each_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  if (names.size() == 1) return in_quotes(names.front());
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    shown.push_back(in_quotes(names[i]));
  return cat("each of ", join(shown, ", "),
             names.size() > kShown ? cat(" and ", names.size() - kShown, " more") : "");
}

// A suspect with its tensors.
struct Case {
  const Suspect* suspect = nullptr;
  Tensor was;
  Tensor is;
  bool is_explained = false;
};

bool has_values_of(const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes;
}

// Does the entry's tensor equal `tensor`? Reads no more than it must.
bool holds(const Reader& reader, std::size_t entry, const Tensor& tensor) {
  const Entry& row = reader.index().entries[entry];
  if (row.dtype != tensor.dtype || row.shape != tensor.shape) return false;
  const std::size_t size = size_of(row.dtype);
  constexpr std::size_t kMostPiece = std::size_t{1} << 20;
  std::size_t wanted = std::size_t{1} << 10;  // most differ in their first elements
  Bytes piece;
  for (std::size_t offset = 0; offset < tensor.bytes.size(); offset += piece.size()) {
    piece.resize(std::min(wanted, tensor.bytes.size() - offset));
    wanted = std::min(4 * wanted, kMostPiece);
    reader.read(entry, offset / size, piece);
    if (!std::equal(piece.begin(), piece.end(),
                    tensor.bytes.begin() + static_cast<std::ptrdiff_t>(offset))) {
      return false;
    }
  }
  return true;
}

class Inquiry {
 public:
  explicit Inquiry(const DiagnosisInput& input) : input_(input), mended_(input.is) {}

  Diagnosis run() {
    for (const KnownFault& known : input_.known) add({}, known.fault, known.remedy);
    take_cases();
    find_swaps();
    find_strays();
    find_relations();
    if (input_.try_out && !remedies_.empty()) try_out();
    return std::move(diagnosis_);
  }

 private:
  void take_cases() {
    for (const Suspect& suspect : input_.suspects) {
      const auto was = input_.was.find(suspect.was);
      const auto is = input_.is.find(suspect.is);
      if (!was || !is) continue;
      const Entry& before = input_.was.index().entries[*was];
      const Entry& after = input_.is.index().entries[*is];
      const bool comparable = before.dtype == after.dtype && before.shape == after.shape &&
                              before.nbytes <= budget_ && before.nbytes > 0;
      if (!comparable || cases_.size() == kMaxSuspects) {
        if (unexplained_++ == 0) first_unexplained_ = suspect.name;
        diagnosis_.names.push_back(suspect.name);
        continue;
      }
      budget_ -= before.nbytes;
      Case& one = cases_.emplace_back();
      one.suspect = &suspect;
      one.was = input_.was.read(*was);
      one.is = input_.is.read(*is);
      one.is_explained = has_values_of(one.was, one.is);  // no suspect after all
    }
  }

  void mend(Case& one, Tensor tensor) {
    one.is_explained = true;
    mended_.replace(one.suspect->is, std::move(tensor));
  }

  // Two that have each other's values.
  void find_swaps() {
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      for (std::size_t j = i + 1; j < cases_.size() && !cases_[i].is_explained; ++j) {
        Case& a = cases_[i];
        Case& b = cases_[j];
        if (b.is_explained || !has_values_of(a.is, b.was) || !has_values_of(b.is, a.was)) continue;
        const std::string both =
            cat(in_quotes(a.suspect->name), " and ", in_quotes(b.suspect->name));
        add({a.suspect->name, b.suspect->name}, cat(both, " are swapped"),
            cat(both, " are swapped back"));
        mend(a, b.is);
        mend(b, a.is);
      }
    }
  }

  // One that has the values of another variable, which may have its own.
  void find_strays() {
    for (Case& one : cases_) {
      if (one.is_explained) continue;
      for (std::size_t i = 0; i < input_.was.index().entries.size(); ++i) {
        if (!is_numeric(input_.was.index().entries[i].dtype)) continue;
        if (!holds(input_.was, i, one.is)) continue;
        const std::string name = in_quotes(one.suspect->name);
        add({one.suspect->name},
            cat(name, " has the values of ",
                in_quotes(shown_name(input_.was.index().entries[i].name))),
            cat(name, " has its own"));
        mend(one, one.was);
        break;
      }
    }
  }

  // The others by themselves; those that suffered the same are told together.
  void find_relations() {
    std::vector<Relation> relations;
    std::vector<std::vector<std::string>> names;  // of each relation
    for (Case& one : cases_) {
      if (one.is_explained) continue;
      Relation relation = relation_of(one.was, one.is, input_.images, one.suspect->block);
      mend(one, std::move(relation.mended));
      const auto same = std::ranges::find(relations, relation.fault, &Relation::fault);
      const auto at = static_cast<std::size_t>(same - relations.begin());
      if (same == relations.end()) {
        relations.push_back(std::move(relation));
        names.emplace_back();
      }
      names[at].push_back(one.suspect->name);
    }
    for (std::size_t i = 0; i < relations.size(); ++i) {
      const std::string who = each_of(names[i]);
      add(names[i], cat(who, " ", relations[i].fault), cat(who, " ", relations[i].remedy));
    }
    if (unexplained_ == 0) return;
    diagnosis_.faults.push_back(
        cat(in_quotes(first_unexplained_),
            unexplained_ == 1 ? "" : cat(" and ", unexplained_ - 1, " more"),
            unexplained_ == 1 ? " was" : " were", " not looked into"));
  }

  // What people call the variable that was called `was`.
  [[nodiscard]] std::string shown_name(const std::string& was) const {
    const auto it = std::ranges::find(input_.suspects, was, &Suspect::was);
    return it == input_.suspects.end() ? was : it->name;
  }

  void add(const std::vector<std::string>& names, std::string fault, std::string remedy) {
    diagnosis_.names.insert(diagnosis_.names.end(), names.begin(), names.end());
    diagnosis_.faults.push_back(std::move(fault));
    remedies_.push_back(std::move(remedy));
  }

  void try_out() {
    constexpr std::size_t kShown = 4;
    const std::string remedy = remedies_.size() <= kShown ? join(remedies_, " and ")
                                                          : cat("all ", diagnosis_.names.size(),
                                                                " variables are mended so");
    switch (input_.try_out(mended_)) {
      case Agreement::kIdentical:
        diagnosis_.tried = cat("the outputs agree, bit for bit, once ", remedy);
        diagnosis_.is_confirmed = true;
        break;
      case Agreement::kWithin:
        diagnosis_.tried = cat("the outputs agree, within the bound, once ", remedy);
        diagnosis_.is_confirmed = true;
        break;
      case Agreement::kDiffers:
        diagnosis_.tried =
            cat("the outputs still differ once ", remedy, ": something else is wrong, too");
        break;
    }
  }

  const DiagnosisInput& input_;
  Diagnosis diagnosis_;
  std::vector<Case> cases_;
  std::vector<std::string> remedies_;
  std::uint64_t budget_ = kMaxDiagnosed;
  std::size_t unexplained_ = 0;
  std::string first_unexplained_;
  PatchedReader mended_;
};

}  // namespace

Diagnosis diagnose(const DiagnosisInput& input) { return Inquiry(input).run(); }

}  // namespace ckpt
