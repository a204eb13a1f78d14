// Opening and closing: the part of VariableStore that does not know variables.

#include <algorithm>
#include <cassert>

#include "core/escape.h"
#include "core/text.h"
#include "scope/scope_error.h"
#include "scope/variable_store.h"

namespace ckpt {
namespace {

std::string scope_called(std::string_view name) { return cat("scope '", escape(name), "'"); }

}  // namespace

OpenGuard::~OpenGuard() {
  if (store_ != nullptr) store_->close_with_inner(id_);
}

void OpenGuard::close() {
  if (store_ == nullptr) return;
  store_->close(id_);
  store_ = nullptr;
}

// Remembers how things are, then enters the name scope, if there is one; throws before anything has
// changed.
VariableStore::Frame& VariableStore::push_frame(std::string what,
                                                std::optional<std::string_view> name_scope) {
  std::string old_name_scope = names_.current();
  std::string entered = old_name_scope.empty() ? "" : old_name_scope + "/";
  if (name_scope) entered = names_.push(*name_scope);
  return frames_.emplace_back(Frame{.id = next_frame_++,
                                    .what = std::move(what),
                                    .original_name_scope = std::move(entered),
                                    .old_scope = current_,
                                    .old_name_scope = std::move(old_name_scope),
                                    .old_creators = creators_.size()});
}

void VariableStore::pop_frame() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.string_scope) counts_.forget_below(*frame.string_scope);
  if (frame.object_scope) counts_.rewind(*frame.object_scope);
  current_ = std::move(frame.old_scope);
  names_.set_current(std::move(frame.old_name_scope));
  creators_.resize(frame.old_creators);
}

void VariableStore::close(std::uint64_t id) {
  const auto it = std::ranges::find(frames_, id, &Frame::id);
  if (it == frames_.end()) return;  // went with a scope around it
  if (it->id != frames_.back().id) {
    throw ScopeError(ScopeErrc::kNest,
                     cat(it->what, " cannot be closed: ", frames_.back().what,
                         " was opened inside it and is still open; close what was opened last "
                         "first"));
  }
  pop_frame();
}

void VariableStore::close_with_inner(std::uint64_t id) noexcept {
  if (std::ranges::find(frames_, id, &Frame::id) == frames_.end()) return;
  while (frames_.back().id != id) pop_frame();
  pop_frame();
}

ScopeGuard VariableStore::open_string(std::string_view name, std::string_view name_scope,
                                      const ScopeOptions& options) {
  VariableScope::State state;
  state.name = current_.key_of(name);
  state.reuse = options.reuse == Reuse::kFalse ? current_.reuse() : options.reuse;
  state.defaults = inherit(current_.defaults(), options);
  const bool has_name_scope = options.auxiliary_name_scope && !name_scope.empty();
  Frame& frame = push_frame(scope_called(state.name),
                            has_name_scope ? std::optional(name_scope) : std::nullopt);
  frame.string_scope = state.name;
  if (has_name_scope || !options.auxiliary_name_scope) {
    state.original_name_scope = frame.original_name_scope;
  }
  counts_.add(state.name);
  current_ = VariableScope(std::move(state));
  return {*this, frame.id, current_};
}

ScopeGuard VariableStore::open(std::string_view name, const ScopeOptions& options) {
  return open_string(name, name, options);
}

ScopeGuard VariableStore::open(const ScopeOptions& options) {
  if (!options.default_name) {
    throw ScopeError(ScopeErrc::kNoName,
                     "a scope was opened with neither a name nor a default name; give one of them");
  }
  if (options.reuse != Reuse::kFalse) {
    throw ScopeError(
        ScopeErrc::kReuseNoName,
        cat("a scope with only the default name '", escape(*options.default_name),
            "' was opened with reuse ", name_of(options.reuse),
            ", but its name is always a new one; reuse needs a scope that has a name"));
  }
  // The name scope is the default name, numbered by the graph, not the scope's numbered name.
  return open_string(unique_scope(*options.default_name), *options.default_name, options);
}

ScopeGuard VariableStore::open(const VariableScope& scope, const ScopeOptions& options) {
  VariableScope::State state = *scope.state_;
  if (options.reuse != Reuse::kFalse) state.reuse = options.reuse;
  state.defaults = inherit(scope.defaults(), options);
  const std::string_view last = std::string_view(state.name).substr(state.name.rfind('/') + 1);
  const bool has_name_scope = options.auxiliary_name_scope && !last.empty();
  Frame& frame =
      push_frame(scope_called(state.name), has_name_scope ? std::optional(last) : std::nullopt);
  counts_.add(state.name);
  frame.object_scope = counts_.mark();
  current_ = VariableScope(std::move(state));
  return {*this, frame.id, current_};
}

std::string VariableStore::unique_scope(std::string_view default_name) {
  const std::size_t i = counts_.first_free(current_.key_of(default_name));
  return i == 0 ? std::string(default_name) : cat(default_name, "_", i);
}

NameScopeGuard VariableStore::name_scope(std::string_view name) {
  const Frame& frame = push_frame(cat("name scope '", escape(name), "'"), name);
  return {*this, frame.id, frame.original_name_scope};
}

CreatorGuard VariableStore::add_creator(VariableCreator creator) {
  const Frame& frame = push_frame("a variable creator", std::nullopt);
  creators_.push_back(std::move(creator));
  return {*this, frame.id};
}

}  // namespace ckpt
