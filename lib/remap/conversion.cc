#include "remap/conversion.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "remap/problem.h"
#include "remap/tensor_stream.h"

namespace ckpt {
namespace {

class Converter {
 public:
  Converter(const Plan& plan, const Index& index, const ConversionOptions& options)
      : plan_(plan), index_(index), options_(options) {
    conversion_.transforms = plan.transforms;
  }

  Conversion run() {
    for (Transform& transform : conversion_.transforms) cast_outputs(transform);
    std::vector<bool> is_done(plan_.transforms.size());
    for (const Move& move : plan_.moves) {
      if (is_drop(move)) continue;
      if (move.transform == kNoIndex) {
        add_moved(move);
        continue;
      }
      const auto t = static_cast<std::size_t>(move.transform);
      if (is_done[t]) continue;
      is_done[t] = true;
      const Transform& transform = conversion_.transforms[t];
      for (std::size_t i = 0; i < transform.to.size(); ++i) {
        add(move.from, transform.to[i], 0, move.transform, i);
      }
    }
    report();
    return std::move(conversion_);
  }

 private:
  [[nodiscard]] DType cast_of(DType dtype) const {
    const auto it = std::ranges::find(options_.casts, dtype, &TypeCast::from);
    return it == options_.casts.end() ? dtype : it->to;
  }

  static Op cast_to(DType dtype) { return {.kind = OpKind::kCast, .dtype = dtype}; }

  void cast_outputs(Transform& transform) const {
    const DType before = transform.to.front().spec.dtype;
    const DType after = cast_of(before);
    if (before == after) return;
    transform.ops.push_back(cast_to(after));
    for (PlannedVariable& output : transform.to) output.spec.dtype = after;
  }

  void add_moved(const Move& move) {
    const Entry& entry = index_.entries[move.entry];
    if (!is_numeric(entry.dtype)) {
      others_.emplace_back(move.from);
      other_types_.emplace(entry.native_dtype.empty() ? name_of(entry.dtype)
                                                      : entry.native_dtype.view());
      return;
    }
    if (move.is_alias) twice_.emplace_back(move.from);
    const PlannedVariable same{std::string(move.to), {entry.dtype, entry.shape}};
    const DType after = cast_of(entry.dtype);
    if (after == entry.dtype) return add(move.from, same, move.entry, kNoIndex, 0);
    const PlannedVariable cast{same.name, {after, entry.shape}};
    const auto t = static_cast<std::int32_t>(conversion_.transforms.size());
    conversion_.transforms.push_back({.from = {std::string(move.from)},
                                      .entries = {move.entry},
                                      .before = {same.spec},
                                      .ops = {cast_to(after)},
                                      .to = {cast},
                                      .rule = kNoIndex});
    add(move.from, cast, move.entry, t, 0);
  }

  void add(std::string_view from, const PlannedVariable& variable, std::size_t entry,
           std::int32_t transform, std::size_t output) {
    std::string name = variable.name;
    std::ranges::replace(name, index_.separator, options_.separator);
    const auto [it, is_new] = from_of_.emplace(name, from);
    if (!is_new) {
      conversion_.problems.push_back(cat("'", escape(it->second), "' and '", escape(from),
                                         "' would both be called '", escape(name),
                                         "'; a rule must give one of them another name"));
    }
    conversion_.variables.push_back({.from = std::string(from),
                                     .target = {.name = std::move(name),
                                                .dtype = variable.spec.dtype,
                                                .shape = variable.spec.shape},
                                     .entry = entry,
                                     .transform = transform,
                                     .output = output});
  }

  void report_others() {
    const std::vector<std::string> types(other_types_.begin(), other_types_.end());
    const std::string what =
        cat(others_.size() == 1 ? "holds" : "hold", " no plain numbers but ", list_names(types));
    if (options_.tensors_only) {
      conversion_.notes.push_back(cat("left out: ", list_names(others_), ": ", what));
    } else {
      conversion_.problems.push_back(
          cat(list_names(others_), ": ", what,
              ", which no other kind of file takes; drop with rules ('NAME = -'), or all of them "
              "with --tensors-only"));
    }
  }

  void report() {
    if (!others_.empty()) report_others();
    if (!twice_.empty()) {
      conversion_.notes.push_back(cat(count_of(twice_.size(), "second name"),
                                      twice_.size() == 1 ? " is" : "s are",
                                      " written as a tensor of its own: ", list_names(twice_)));
    }
  }

  const Plan& plan_;
  const Index& index_;
  const ConversionOptions& options_;
  Conversion conversion_;
  std::map<std::string, std::string> from_of_;
  std::vector<std::string> others_;  // that are no tensors
  std::set<std::string, std::less<>> other_types_;
  std::vector<std::string> twice_;
};

}  // namespace

Conversion make_conversion(const Plan& plan, const Index& index, const ConversionOptions& options) {
  return Converter(plan, index, options).run();
}

void carry_out(const Conversion& conversion, const Reader& reader, Writer& writer,
               const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::uint64_t total = 0;
  for (const auto& variable : conversion.variables) {
    total += tensor_bytes(variable.target.dtype, variable.target.shape);
  }
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < conversion.variables.size(); ++i) {
    const auto& variable = conversion.variables[i];
    const auto write = [&](ByteView bytes) {
      writer.write(i, bytes);
      progress(done += bytes.size(), total);
    };
    if (variable.transform != kNoIndex) {
      const auto& transform = conversion.transforms[static_cast<std::size_t>(variable.transform)];
      stream_output(reader, transform, variable.output, write);
    } else {
      reader.check_whole(variable.entry);
      for_each_piece(reader, variable.entry, [&](std::uint64_t, ByteView bytes) { write(bytes); });
    }
  }
  writer.commit();
}

}  // namespace ckpt
