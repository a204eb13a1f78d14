#include "scope/variable_scope.h"

#include "core/text.h"
#include "scope/scope_error.h"

namespace ckpt {
namespace {

// A getter that calls `inner` first; what that calls is `outer`, and then what comes after it.
CustomGetter compose(CustomGetter inner, CustomGetter outer) {
  return [inner = std::move(inner), outer = std::move(outer)](
             const VariableGetter& next, VariableRequest request) -> Variable& {
    const auto outer_then_next = [&](VariableRequest changed) -> Variable& {
      return outer(next, std::move(changed));
    };
    return inner(outer_then_next, std::move(request));
  };
}

template <typename T, typename U>
void replace_if_set(T& target, const std::optional<U>& option) {
  if (option) target = *option;
}

template <typename T, typename U>
void set_if_unset(std::optional<T>& option, const U& value) {
  if (!option) option = value;
}

}  // namespace

std::string VariableScope::key_of(std::string_view variable) const {
  return name().empty() ? std::string(variable) : cat(name(), "/", variable);
}

ScopeDefaults inherit(const ScopeDefaults& base, const ScopeOptions& options) {
  if (options.custom_getter && !*options.custom_getter) {
    throw ScopeError(ScopeErrc::kGetter,
                     "the custom getter of a scope is an empty function; give one that can be "
                     "called, or none");
  }
  ScopeDefaults out = base;
  out.constraint = options.constraint;
  replace_if_set(out.dtype, options.dtype);
  replace_if_set(out.initializer, options.initializer);
  replace_if_set(out.regularizer, options.regularizer);
  replace_if_set(out.partitioner, options.partitioner);
  replace_if_set(out.caching_device, options.caching_device);
  replace_if_set(out.use_resource, options.use_resource);
  if (options.custom_getter) {
    out.custom_getter = base.custom_getter ? compose(*options.custom_getter, *base.custom_getter)
                                           : *options.custom_getter;
  }
  return out;
}

void fill_in(VariableOptions& options, const ScopeDefaults& defaults) {
  set_if_unset(options.dtype, defaults.dtype);
  set_if_unset(options.initializer, defaults.initializer);
  set_if_unset(options.regularizer, defaults.regularizer);
  set_if_unset(options.partitioner, defaults.partitioner);
  set_if_unset(options.custom_getter, defaults.custom_getter);
  set_if_unset(options.constraint, defaults.constraint);
  set_if_unset(options.caching_device, defaults.caching_device);
  set_if_unset(options.use_resource, defaults.use_resource);
}

}  // namespace ckpt
