#include "model/attributes.h"

#include "core/error.h"
#include "core/text.h"

namespace ckpt {

void Attributes::set(std::string name, Attribute value) {
  values_.insert_or_assign(std::move(name), std::move(value));
}

bool Attributes::has(std::string_view name) const { return values_.find(name) != values_.end(); }

// Null where it is missing; throws where it has another type.
template <typename T>
const T* Attributes::get(std::string_view name) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return nullptr;
  if (const T* value = std::get_if<T>(&it->second)) return value;
  throw Error(Errc::kInvalid, cat("the attribute '", name, "' has the wrong type"));
}

bool Attributes::flag(std::string_view name, bool otherwise) const {
  const bool* value = get<bool>(name);
  return value != nullptr ? *value : otherwise;
}

double Attributes::number(std::string_view name, double otherwise) const {
  const auto it = values_.find(name);
  if (it != values_.end()) {
    if (const auto* whole = std::get_if<std::int64_t>(&it->second)) {
      return static_cast<double>(*whole);
    }
  }
  const double* value = get<double>(name);
  return value != nullptr ? *value : otherwise;
}

std::string Attributes::text(std::string_view name, std::string_view otherwise) const {
  const std::string* value = get<std::string>(name);
  return value != nullptr ? *value : std::string(otherwise);
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t otherwise) const {
  const std::int64_t* value = get<std::int64_t>(name);
  return value != nullptr ? *value : otherwise;
}

std::int64_t Attributes::integer(std::string_view name) const {
  const std::int64_t* value = get<std::int64_t>(name);
  if (value == nullptr) throw Error(Errc::kInvalid, cat("the attribute '", name, "' is missing"));
  return *value;
}

const std::vector<std::int64_t>& Attributes::integers(std::string_view name) const {
  const auto* value = get<std::vector<std::int64_t>>(name);
  if (value == nullptr) throw Error(Errc::kInvalid, cat("the attribute '", name, "' is missing"));
  return *value;
}

const std::vector<double>& Attributes::numbers(std::string_view name) const {
  const auto* value = get<std::vector<double>>(name);
  if (value == nullptr) throw Error(Errc::kInvalid, cat("the attribute '", name, "' is missing"));
  return *value;
}

}  // namespace ckpt
