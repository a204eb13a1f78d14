#include "scope/variable_store.h"

#include <algorithm>

#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "scope/scope_error.h"

namespace ckpt {
namespace {

// "dense.cc:12", without the folders, which say more of the machine than of the program.
std::string describe(const CodePlace& at) {
  const std::string_view file = at.file;
  return cat(file.substr(file.rfind('/') + 1), ":", at.line);
}

// Does the shape asked for, perhaps with unknown extents, fit the one found?
bool fits(const Shape& asked, const Shape& found) {
  if (asked.size() != found.size()) return false;
  for (std::size_t d = 0; d < asked.size(); ++d) {
    if (asked[d] != kUnknownExtent && asked[d] != found[d]) return false;
  }
  return true;
}

bool fully_known(const std::optional<Shape>& shape) {
  return shape && std::ranges::find(*shape, kUnknownExtent) == shape->end();
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

// Puts the root in the place of the current name scope for as long as it lives.
class AtRoot {
 public:
  explicit AtRoot(GraphNames& names) : names_(names), old_(names.current()) {
    names.set_current("");
  }
  ~AtRoot() { names_.set_current(std::move(old_)); }
  AtRoot(const AtRoot&) = delete;
  AtRoot& operator=(const AtRoot&) = delete;

 private:
  GraphNames& names_;
  std::string old_;
};

}  // namespace

VariableStore::VariableStore() : current_(VariableScope::State{}) {}

Variable& VariableStore::get_variable(std::string_view name, const VariableOptions& options,
                                      CodePlace at) {
  const VariableScope scope = current_;
  VariableRequest request{scope.key_of(name), scope.reuse(), options, at};
  const Tensor* constant = options.initializer ? options.initializer->constant_value() : nullptr;
  if (constant != nullptr && options.dtype && constant->dtype != *options.dtype) {
    throw ScopeError(ScopeErrc::kInitDType,
                     cat(escape(request.name), ": its constant initializer is ",
                         name_of(constant->dtype), ", but the dtype asked for is ",
                         name_of(*options.dtype), "; give a constant of that dtype or no dtype"));
  }
  fill_in(request.options, scope.defaults());
  return get(std::move(request));
}

Variable& VariableStore::get_local_variable(std::string_view name, const VariableOptions& options,
                                            CodePlace at) {
  VariableOptions local = options;
  local.trainable = false;
  if (!local.collections) local.collections.emplace();
  local.collections->emplace_back(kLocalVariables);
  return get_variable(name, local, at);
}

Variable& VariableStore::get_by_key(std::string_view key, const VariableOptions& options,
                                    Reuse reuse, CodePlace at) {
  return get({std::string(key), reuse, options, at});
}

Variable& VariableStore::make_variable(std::string_view name, const VariableOptions& options,
                                       CodePlace at) {
  VariableRequest request{std::string(name), Reuse::kFalse, options, at};
  return create(std::move(request), creators_.size());
}

// Asks the custom getter, if there is one; at its end is the store.
Variable& VariableStore::get(VariableRequest request) {
  const AtRoot at_root(names_);
  const std::optional<CustomGetter> getter = request.options.custom_getter;
  if (!getter) return get_any(std::move(request));
  if (!*getter) {
    throw ScopeError(ScopeErrc::kGetter, cat(escape(request.name),
                                             ": its custom getter is an empty function; give one "
                                             "that can be called, or none"));
  }
  const auto store = [this](VariableRequest r) -> Variable& { return get_any(std::move(r)); };
  return (*getter)(store, std::move(request));
}

Variable& VariableStore::get_any(VariableRequest request) {
  const auto& options = request.options;
  const bool scalar = options.shape && options.shape->empty();
  const bool found_by_reuse = request.reuse == Reuse::kTrue && !options.partitioner &&
                              partitioned_by_key_.contains(request.name);
  if ((options.partitioner && !scalar) || found_by_reuse) {
    return get_partitioned(std::move(request));
  }
  const std::string first_slice = cat(request.name, "/part_0");
  if (by_key_.contains(first_slice)) {
    throw ScopeError(
        ScopeErrc::kPlainVsPart,
        cat(escape(request.name), ": no partitioner was given, but '", escape(first_slice),
            "' exists, so this variable seems to be partitioned; give its partitioner, or open "
            "the scope with reuse True"));
  }
  return get_whole(std::move(request));
}

Variable& VariableStore::get_whole(VariableRequest request) {
  const auto& initializer = request.options.initializer;
  if (initializer && initializer->constant_value() != nullptr && request.options.shape) {
    throw ScopeError(ScopeErrc::kConstShape,
                     cat(escape(request.name), ": the shape ", to_string(*request.options.shape),
                         " was given beside a constant initializer, which has a shape of its own, ",
                         to_string(initializer->constant_value()->shape), "; give one of them"));
  }
  const auto found = by_key_.find(request.name);
  if (found != by_key_.end()) {
    if (request.reuse == Reuse::kFalse) {
      throw ScopeError(
          ScopeErrc::kExists,
          cat(escape(request.name), ": this variable already exists, first made at ",
              found->second->facts().origin,
              ", and reuse is False here; open the scope with reuse True to share it, or with "
              "reuse AUTO to share it where it exists and make it where it does not"));
    }
    return check_found(*found->second, request);
  }
  if (request.reuse == Reuse::kTrue) throw_missing(request);
  std::string key = request.name;
  const std::optional<Regularizer> regularizer = request.options.regularizer;
  Variable& made = create(std::move(request), creators_.size());
  made.facts_.key = key;
  by_key_.emplace(std::move(key), &made);
  if (regularizer && !regularizer->name.empty()) losses_.push_back({regularizer->name, &made});
  return made;
}

Variable& VariableStore::check_found(Variable& found, const VariableRequest& request) const {
  const auto& shape = request.options.shape;
  if (shape && !fits(*shape, found.shape())) {
    throw ScopeError(ScopeErrc::kShape,
                     cat(escape(request.name), ": exists with shape ", to_string(found.shape()),
                         ", first made at ", found.facts().origin,
                         ", but was asked for with shape ", to_string(*shape),
                         "; ask for that shape, or for "
                         "another name"));
  }
  const DType dtype = request.options.dtype.value_or(DType::kF32);
  if (dtype != found.dtype()) {
    throw ScopeError(
        ScopeErrc::kDType,
        cat(escape(request.name), ": exists with dtype ", name_of(found.dtype()),
            ", first made at ", found.facts().origin, ", but was asked for with dtype ",
            name_of(dtype), "; a call without a dtype asks for its scope's"));
  }
  return found;
}

void VariableStore::throw_missing(const VariableRequest& request) const {
  std::vector<std::string> names;
  for (const auto& [key, variable] : by_key_) names.push_back(key);
  throw ScopeError(
      ScopeErrc::kMissing,
      cat(escape(request.name),
          ": this variable does not exist, or was not made by get_variable, and reuse is True "
          "here; open the scope with reuse AUTO to make it where it is missing, or without reuse",
          did_you_mean(nearest(request.name, names))));
}

// Lets the creators see the request, the last one first, then makes the variable.
Variable& VariableStore::create(VariableRequest request, std::size_t creators) {
  if (creators == 0) return make(std::move(request));
  const VariableGetter next = [this, creators](VariableRequest r) -> Variable& {
    return create(std::move(r), creators - 1);
  };
  const VariableCreator creator = creators_[creators - 1];
  return creator(next, std::move(request));
}

Variable& VariableStore::make(VariableRequest request) {
  VariableOptions& options = request.options;
  const std::string what = request.name.empty() ? "Variable" : escape(request.name);
  const DType dtype = options.dtype.value_or(DType::kF32);
  if (!options.initializer) {
    if (!fully_known(options.shape)) {
      throw ScopeError(
          ScopeErrc::kNoShape,
          cat(what,
              ": a new variable needs a shape whose extents are all known, or an initializer "
              "that brings its shape; ",
              options.shape ? cat("the shape given is ", to_string(*options.shape))
                            : "neither was given"));
    }
    options.initializer = Initializer::default_for(dtype);
    if (!options.initializer) {
      throw ScopeError(
          ScopeErrc::kInitRequired,
          cat(what, ": there is no default initializer for dtype ", name_of(dtype), "; give one"));
    }
  } else if (options.initializer->needs_shape() && !fully_known(options.shape)) {
    throw ScopeError(
        ScopeErrc::kInitSignature,
        cat(what,
            ": its initializer makes values of a shape that it is given, so the call needs a "
            "shape whose extents are all known; ",
            options.shape ? cat("it is ", to_string(*options.shape)) : "there is none"));
  }
  if (!options.initializer->needs_shape()) {  // a function without arguments is called now, once
    Tensor made = options.initializer->make({}, dtype, 0, what);
    if (options.shape && !fits(*options.shape, made.shape)) {
      throw ScopeError(ScopeErrc::kInitSignature,
                       cat(what, ": its initializer brings the shape ", to_string(made.shape),
                           ", but the shape asked for is ", to_string(*options.shape)));
    }
    options.initializer = Initializer::value(std::move(made));
  }
  const Tensor* constant = options.initializer->constant_value();
  const Shape& shape = constant != nullptr ? constant->shape : *options.shape;
  const DType made_dtype = constant != nullptr ? constant->dtype : dtype;
  try {
    (void)tensor_bytes(made_dtype, shape);
  } catch (const Error& e) {
    throw e.in(what);
  }

  std::vector<std::string> collections =
      options.collections.value_or(std::vector{std::string(kGlobalVariables)});
  const bool trainable =
      options.trainable.value_or(options.synchronization != Synchronization::kOnRead);
  if (trainable && !contains(collections, kTrainableVariables)) {
    collections.emplace_back(kTrainableVariables);
  }
  Variable::Facts facts{
      .name = names_.add_variable(request.name.empty() ? "Variable" : request.name),
      .key = "",
      .dtype = made_dtype,
      .shape = shape,
      .initializer = *options.initializer,
      .trainable = trainable,
      .collections = collections,
      .use_resource = options.use_resource.value_or(false),
      .caching_device = options.caching_device.value_or(""),
      .constraint = options.constraint.value_or(""),
      .synchronization = options.synchronization,
      .aggregation = options.aggregation,
      .origin = options.origin.empty() ? describe(request.at) : options.origin};
  Variable& made = *variables_.emplace_back(std::make_unique<Variable>(std::move(facts)));
  for (const std::string& name : collections) {
    std::vector<Variable*>& list = collections_[name];
    if (list.empty() || list.back() != &made) list.push_back(&made);  // named twice is in it once
  }
  return made;
}

Variable* VariableStore::find(std::string_view key) {
  if (const auto it = by_key_.find(key); it != by_key_.end()) return it->second;
  const auto it = partitioned_by_key_.find(key);
  return it == partitioned_by_key_.end() ? nullptr : it->second;
}

std::vector<Variable*> VariableStore::collection(std::string_view name,
                                                 std::string_view prefix) const {
  std::vector<Variable*> out;
  const auto it = collections_.find(name);
  if (it == collections_.end()) return out;
  std::ranges::copy_if(it->second, std::back_inserter(out), [&](const Variable* variable) {
    return variable->name().starts_with(prefix);
  });
  return out;
}

std::vector<Variable*> VariableStore::global_variables() const {
  return collection(kGlobalVariables);
}
std::vector<Variable*> VariableStore::global_variables(const VariableScope& scope) const {
  return collection(kGlobalVariables, scope.key_of(""));
}
std::vector<Variable*> VariableStore::trainable_variables() const {
  return collection(kTrainableVariables);
}
std::vector<Variable*> VariableStore::local_variables() const {
  return collection(kLocalVariables);
}

void VariableStore::initialize(std::uint64_t seed) {
  for (const auto& variable : variables_) variable->initialize(seed);
}

}  // namespace ckpt
