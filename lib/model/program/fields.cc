#include "model/program/fields.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/graph.h"

namespace ckpt::program {
namespace {

using Kind = Datum::Kind;

}  // namespace

void Fields::refuse(std::string_view key, const Datum& datum, std::string_view needed) {
  throw Error(Errc::kInvalid,
              cat("its '", escape(key), "' is ", words_of(datum), "; needed is ", needed));
}

bool Fields::has(std::string_view key) const { return object_.find(key) != nullptr; }

const Datum* Fields::raw(std::string_view key) {
  asked_.emplace(key);
  return object_.find(key);
}

std::optional<Datum> Fields::find(std::string_view key) {
  const Datum* datum = raw(key);
  if (datum == nullptr) return std::nullopt;
  return substitute(*datum, names_, budget_);
}

Datum Fields::need(std::string_view key) {
  auto datum = find(key);
  if (!datum) throw Error(Errc::kInvalid, cat("has no '", escape(key), "'"));
  return std::move(*datum);
}

std::string Fields::text(std::string_view key) {
  Datum datum = need(key);
  // "{i}" as a name is what it stands for.
  if (datum.kind == Kind::kInteger && raw(key)->kind == Kind::kText) return cat(datum.integer);
  if (datum.kind != Kind::kText) refuse(key, datum, "a text");
  return std::move(datum.text);
}

std::string Fields::text(std::string_view key, std::string_view otherwise) {
  return raw(key) == nullptr ? std::string(otherwise) : text(key);
}

bool Fields::flag(std::string_view key, bool otherwise) {
  const auto datum = find(key);
  if (!datum) return otherwise;
  if (datum->kind != Kind::kFlag) refuse(key, *datum, "true or false");
  return datum->flag;
}

std::int64_t Fields::integer(std::string_view key) {
  const Datum datum = need(key);
  if (datum.kind != Kind::kInteger) refuse(key, datum, "a whole number");
  return datum.integer;
}

std::int64_t Fields::integer(std::string_view key, std::int64_t otherwise) {
  return raw(key) == nullptr ? otherwise : integer(key);
}

std::int64_t Fields::positive(std::string_view key) {
  const std::int64_t value = integer(key);
  if (value < 1) refuse(key, Datum::of(value), "1 or more");
  return value;
}

std::int64_t Fields::positive(std::string_view key, std::int64_t otherwise) {
  return raw(key) == nullptr ? otherwise : positive(key);
}

double Fields::number(std::string_view key, double otherwise) {
  const auto datum = find(key);
  if (!datum) return otherwise;
  if (datum->kind != Kind::kInteger && datum->kind != Kind::kNumber) {
    refuse(key, *datum, "a number");
  }
  return datum->number;
}

std::vector<std::int64_t> Fields::integers(std::string_view key) {
  const Datum datum = need(key);
  if (datum.kind == Kind::kInteger) return {datum.integer};
  if (datum.kind != Kind::kList) refuse(key, datum, "a list of whole numbers");
  std::vector<std::int64_t> out;
  for (const Datum& item : datum.items) {
    if (item.kind != Kind::kInteger) refuse(key, item, "a whole number in each place of its list");
    out.push_back(item.integer);
  }
  return out;
}

std::vector<std::int64_t> Fields::integers(std::string_view key, std::size_t count,
                                           std::int64_t otherwise) {
  if (raw(key) == nullptr) return std::vector<std::int64_t>(count, otherwise);
  std::vector<std::int64_t> out = integers(key);
  if (out.size() == 1) out.resize(count, out.front());
  if (out.size() != count) {
    throw Error(Errc::kInvalid, cat("its '", escape(key), "' has ", count_of(out.size(), "number"),
                                    "; needed are ", count, ", or one for all of them"));
  }
  return out;
}

std::vector<std::string> Fields::texts(std::string_view key) {
  const auto datum = find(key);
  if (!datum) return {};
  if (datum->kind == Kind::kText) return {datum->text};
  if (datum->kind != Kind::kList) refuse(key, *datum, "a name or a list of names");
  std::vector<std::string> out;
  for (const Datum& item : datum->items) {
    if (item.kind != Kind::kText) refuse(key, item, "a name in each place of its list");
    out.push_back(item.text);
  }
  return out;
}

Shape Fields::shape(std::string_view key, bool may_be_unknown) {
  const Datum datum = need(key);
  if (datum.kind != Kind::kList) refuse(key, datum, "a list of extents");
  if (datum.items.size() > kMaxRank) {
    throw Error(Errc::kInvalid, cat("its '", escape(key), "' has ", datum.items.size(),
                                    " extents; ", kMaxRank, " are the most"));
  }
  Shape shape;
  for (const Datum& item : datum.items) {
    if (may_be_unknown && item.kind == Kind::kText && item.text == "?") {
      shape.push_back(kUnknown);
    } else if (item.kind != Kind::kInteger || item.integer < 0) {
      refuse(key, item,
             may_be_unknown ? "a whole number from 0 or '?' for each extent"
                            : "a whole number from 0 for each extent");
    } else {
      shape.push_back(item.integer);
    }
  }
  return shape;
}

DType Fields::dtype(std::string_view key, DType otherwise) {
  if (raw(key) == nullptr) return otherwise;
  const std::string name = text(key);
  const auto dtype = parse_dtype(name);
  if (!dtype || !is_numeric(*dtype)) {
    refuse(key, Datum::of(name), "a dtype, such as 'f32', 'f16', 'i32'");
  }
  return *dtype;
}

Reuse Fields::reuse(std::string_view key) {
  const auto datum = find(key);
  if (!datum || datum->kind == Kind::kNull) return Reuse::kFalse;
  if (datum->kind == Kind::kFlag) return datum->flag ? Reuse::kTrue : Reuse::kFalse;
  if (datum->kind != Kind::kText) refuse(key, *datum, "true, false or 'auto'");
  return parse_reuse(datum->text);
}

std::optional<Initializer> Fields::initializer(std::string_view key, DType dtype) {
  const auto datum = find(key);
  if (!datum || datum->kind == Kind::kNull) return std::nullopt;
  return read_initializer(*datum, dtype);
}

void Fields::finish() const {
  std::vector<std::string> known(asked_.begin(), asked_.end());
  for (const auto& [key, value] : object_.members) {
    if (asked_.contains(key)) continue;
    const auto near = nearest(key, known, 1);
    throw Error(Errc::kInvalid,
                cat("takes no '", escape(key), "'",
                    near.empty() ? cat("; it takes ", join(known, ", ")) : did_you_mean(near)));
  }
}

}  // namespace ckpt::program
