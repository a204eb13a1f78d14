#include "model/program/machine.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/ops/op.h"
#include "scope/scope_error.h"

namespace ckpt::program {
namespace {

// Bounds that keep a hostile program from taking long. The largest public models come to some
// 10,000 statements and 10,000 variables.
constexpr std::size_t kMaxWork = 2'000'000;  // statements, iterations and copied data
constexpr std::size_t kMaxNesting = 200;     // of bodies, over all calls
constexpr std::size_t kShownCalls = 3;       // in a message

using Kind = Datum::Kind;

constexpr std::array<std::string_view, 11> kStatements{
    "scope", "of", "default", "name_scope", "get_variable",   "variable",
    "layer", "op", "call",    "repeat",     "reuse_variables"};

// The word that says what kind of statement it is.
std::string_view kind_of(const Datum& statement) {
  if (statement.kind != Kind::kObject) {
    refuse(cat("a statement is an object, not ", words_of(statement)));
  }
  for (const std::string_view kind : kStatements) {
    if (statement.find(kind) != nullptr) return kind;
  }
  std::vector<std::string> kinds(kStatements.begin(), kStatements.end());
  refuse(cat("is no statement; one has one of the keys ", join(kinds, ", ")));
}

// "get_variable 'w'": what a message calls a statement.
std::string title(const Datum& statement) {
  if (statement.kind != Kind::kObject) return "statement";
  for (const std::string_view kind : kStatements) {
    const Datum* what = statement.find(kind);
    if (what == nullptr) continue;
    const bool is_text = what->kind == Kind::kText && what->text.size() <= 200;
    return is_text ? cat(kind, " '", escape(what->text), "'") : std::string(kind);
  }
  return "statement";
}

// "partitions": how many pieces, along "partition_axis".
std::optional<Partitioner> partitioner_of(Fields& f) {
  if (!f.has("partitions")) return std::nullopt;
  const std::int64_t axis = f.integer("partition_axis", 0);
  ops::require(axis >= 0, cat("its 'partition_axis' is ", axis));
  return fixed_size_partitioner(f.positive("partitions"), static_cast<std::size_t>(axis));
}

}  // namespace

Machine::Machine(const Datum& program, const ProgramOptions& options, Graph& graph)
    : program_(program),
      options_(options),
      graph_(graph),
      emitter_(graph),
      root_(store_.current_scope()),
      budget_(kMaxWork) {}

std::string Machine::place(const Datum& at) const { return cat(at.at.line, ":", at.at.column); }

void Machine::run() {
  Fields head(program_, parameters_, budget_);
  try {
    (void)head.text("schema");
    (void)head.text("description", "");
    read_parameters();
    for (const char* key : {"parameters", "inputs", "outputs", "functions", "body"}) head.raw(key);
    head.finish();
    if (const Datum* functions = program_.find("functions")) {
      if (functions->kind != Kind::kObject) refuse("its 'functions' are no object");
      for (const auto& [name, function] : functions->members) functions_[name] = &function;
    }
    read_inputs();
  } catch (const ScopeError& e) {
    throw e.in(place(program_));
  } catch (const Error& e) {
    throw e.in(place(program_));
  }
  const Datum* body = program_.find("body");
  if (body == nullptr) refuse(cat(place(program_), ": has no 'body'"));
  run_body(*body, main_, parameters_);
  try {
    take_variables();
    read_outputs();
  } catch (const ScopeError& e) {
    throw e.in(place(program_));
  } catch (const Error& e) {
    throw e.in(place(program_));
  }
}

void Machine::run_body(const Datum& body, Frame& frame, const Names& names) {
  if (body.kind != Kind::kList) refuse(cat(place(body), ": a body is a list of statements"));
  if (++depth_ > kMaxNesting) {
    refuse(cat(place(body), ": bodies and calls are nested more than ", kMaxNesting,
               " levels deep; does a function call itself?"));
  }
  for (const Datum& statement : body.items) {
    const std::size_t depth = depth_;
    // Of calls around the statement only the first few are told.
    const bool is_call = statement.kind == Kind::kObject && statement.find("call") != nullptr;
    try {
      run_statement(statement, frame, names);
    } catch (const ScopeError& e) {
      if (depth_ == depth || (is_call && depth <= kShownCalls)) {
        throw e.in(cat(place(statement), ": ", title(statement)));
      }
      throw;
    } catch (const Error& e) {
      if (depth_ == depth || (is_call && depth <= kShownCalls)) {
        throw e.in(cat(place(statement), ": ", title(statement)));
      }
      throw;
    }
  }
  --depth_;
}

void Machine::run_statement(const Datum& statement, Frame& frame, const Names& names) {
  if (budget_ == 0) refuse("the program takes too many steps");
  --budget_;
  const std::string_view kind = kind_of(statement);
  Fields f(statement, names, budget_);
  (void)f.text("comment", "");
  if (kind == "scope" || kind == "of" || kind == "default") {
    run_scope(f, frame, names);
  } else if (kind == "name_scope") {
    run_name_scope(f, frame, names);
  } else if (kind == "get_variable" || kind == "variable") {
    run_variable(kind, f, frame);
  } else if (kind == "layer") {
    run_layer(f, frame);
  } else if (kind == "op") {
    run_operation(f, frame);
  } else if (kind == "call") {
    run_call(f, frame);
  } else if (kind == "repeat") {
    run_repeat(f, frame, names);
  } else {
    if (!f.flag("reuse_variables", true)) {
      refuse("reuse cannot be taken back: 'reuse_variables' is true, or is not there");
    }
    f.finish();
    store_.current_scope().reuse_variables();
  }
}

const Datum& Machine::body_of(Fields& f) const {
  const Datum* body = f.raw("body");
  if (body == nullptr) refuse("has no 'body'");
  if (body->kind != Kind::kList) refuse("its 'body' is no list of statements");
  return *body;
}

ScopeOptions Machine::scope_options(Fields& f) const {
  ScopeOptions options;
  options.reuse = f.reuse("reuse");
  options.auxiliary_name_scope = f.flag("auxiliary_name_scope", true);
  if (f.has("dtype")) options.dtype = f.dtype("dtype", DType::kF32);
  options.initializer = f.initializer("initializer", options.dtype.value_or(DType::kF32));
  if (f.has("regularizer")) options.regularizer = Regularizer{f.text("regularizer")};
  options.partitioner = partitioner_of(f);
  return options;
}

// Names that grow from scope to scope and from call to call have their bounds too.
void Machine::check_names() const {
  if (store_.current_scope().name().size() > kMaxName ||
      store_.current_name_scope().size() > kMaxName) {
    refuse(cat("the names of scopes get longer than ", kMaxName, " characters"));
  }
}

// {"scope": "a"} by string, {"of": "s"} by object, {"default": "layer"} by default name; the last
// two may stand inside of "scope", too.
void Machine::run_scope(Fields& f, Frame& frame, const Names& names) {
  std::string how = f.has("scope") ? "scope" : f.has("of") ? "of" : "default";
  std::string name;
  const Datum* inner = f.raw("scope");
  if (inner != nullptr && inner->kind == Kind::kObject) {
    Fields object(*inner, names, budget_);
    how = object.has("of") ? "of" : "default";
    name = object.text(how);
    object.finish();
  } else {
    name = f.text(how);
  }
  ScopeOptions options = scope_options(f);
  const std::vector<std::string> as = f.texts("as");
  const Datum& body = body_of(f);
  f.finish();
  if (as.size() > 1) refuse("a scope has one name only in 'as'");
  const auto enter = [&]() -> ScopeGuard {
    if (how == "scope") return store_.open(name, options);
    if (how == "default") {
      options.default_name = name;
      return store_.open(options);
    }
    if (name.empty()) return store_.open(root_, options);
    const Binding& binding = look_up(frame, name);
    const auto* scope = std::get_if<VariableScope>(&binding);
    if (scope == nullptr) {
      refuse(cat("'", escape(name), "' is a ", word_of(binding), ", and no scope"));
    }
    return store_.open(*scope, options);
  };
  const ScopeGuard guard = enter();
  check_names();
  if (!as.empty()) frame.bindings.insert_or_assign(as.front(), guard.scope());
  run_body(body, frame, names);
}

void Machine::run_name_scope(Fields& f, Frame& frame, const Names& names) {
  const std::string name = f.text("name_scope");
  const Datum& body = body_of(f);
  f.finish();
  const NameScopeGuard guard = store_.name_scope(name);
  check_names();
  run_body(body, frame, names);
}

// Each piece is a variable: there is a bound for both.
void Machine::check_partitions(const VariableOptions& options, DType dtype) const {
  const auto& inherited = store_.current_scope().defaults().partitioner;
  const auto& partitioner = options.partitioner ? options.partitioner : inherited;
  if (!partitioner || !options.shape) return;
  for (const std::int64_t pieces : (*partitioner)(*options.shape, dtype)) {
    if (pieces <= static_cast<std::int64_t>(kMaxVariables)) continue;
    refuse(cat("is cut into ", with_commas(static_cast<std::uint64_t>(pieces)), " pieces; ",
               with_commas(kMaxVariables), " are the most"));
  }
}

void Machine::run_variable(std::string_view kind, Fields& f, Frame& frame) {
  const std::string name = f.text(kind);
  VariableOptions options;
  if (f.has("shape")) options.shape = f.shape("shape", true);
  if (f.has("dtype")) options.dtype = f.dtype("dtype", DType::kF32);
  const DType dtype = options.dtype.value_or(
      kind == "variable" ? DType::kF32 : store_.current_scope().defaults().dtype);
  options.initializer = f.initializer("initializer", dtype);
  if (f.has("trainable")) options.trainable = f.flag("trainable", true);
  if (f.has("collections")) options.collections = f.texts("collections");
  if (f.has("regularizer")) options.regularizer = Regularizer{f.text("regularizer")};
  options.partitioner = partitioner_of(f);
  options.origin = cat("line ", f.at().line, ", column ", f.at().column);
  const bool is_local = f.flag("local", false);
  f.texts("as");
  f.finish();
  check_partitions(options, dtype);
  Variable& made = kind == "variable" ? store_.make_variable(name, options)
                   : is_local         ? store_.get_local_variable(name, options)
                                      : store_.get_variable(name, options);
  if (is_saved(made)) position_of(made);
  bind(f, frame, {&made});
}

const Binding& Machine::look_up(const Frame& frame, std::string_view name) const {
  const auto it = frame.bindings.find(name);
  if (it != frame.bindings.end()) return it->second;
  std::vector<std::string> known;
  for (const auto& [each, binding] : frame.bindings) known.push_back(each);
  refuse(cat("'", escape(name), "' is not bound here", did_you_mean(nearest(name, known, 1)),
             "; names are bound by 'as', inputs and the arguments of functions"));
}

std::vector<Operand> Machine::operands(Fields& f, const Frame& frame) {
  const auto inputs = f.find("inputs");
  std::vector<Operand> out;
  if (!inputs) return out;
  const auto add = [&](const Datum& input) {
    if (input.kind == Kind::kInteger || input.kind == Kind::kNumber) {
      out.push_back({Operand::Kind::kNumber, 0, input.number});
      return;
    }
    if (input.kind != Kind::kText) refuse("an input is a name or a number");
    const Binding& binding = look_up(frame, input.text);
    if (const auto* value = std::get_if<std::size_t>(&binding)) {
      out.push_back({Operand::Kind::kValue, *value});
    } else if (const auto* variable = std::get_if<const Variable*>(&binding)) {
      if (!is_saved(**variable)) {
        refuse(cat("'", escape(input.text), "' is the variable '", escape((*variable)->name()),
                   "', which is not among the global ones, so no checkpoint has it"));
      }
      out.push_back({Operand::Kind::kVariable, position_of(**variable)});
    } else {
      refuse(cat("'", escape(input.text), "' is a scope, and no value or variable"));
    }
  };
  if (inputs->kind == Kind::kList) {
    for (const Datum& input : inputs->items) add(input);
  } else {
    add(*inputs);
  }
  return out;
}

void Machine::bind(Fields& f, Frame& frame, const std::vector<Binding>& made) {
  const std::vector<std::string> as = f.texts("as");
  if (as.empty()) return;
  if (as.size() != made.size()) {
    refuse(cat("gives ", count_of(made.size(), "result"), ", but 'as' has ",
               count_of(as.size(), "name")));
  }
  for (std::size_t i = 0; i < as.size(); ++i) frame.bindings.insert_or_assign(as[i], made[i]);
}

void Machine::bind_outputs(Fields& f, Frame& frame, const Site& site,
                           const std::vector<std::size_t>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    graph_.layers.push_back({site.name, site.call, i, values[i]});
  }
  bind(f, frame, {values.begin(), values.end()});
}

void Machine::run_operation(Fields& f, Frame& frame) {
  const std::string kind = f.text("op");
  std::string name = f.text("name", default_name_of(kind));
  if (name.empty()) name = kind;
  Site site{emitter_, f, operands(f, frame), name, 0, kind};
  f.texts("as");
  if (!default_name_of(kind).empty()) {
    // An operation takes its name, so that a variable of that name gets another one.
    site.name = store_.add_op(name);
    count_name(site.name);
  }
  const std::vector<std::size_t> values = apply_operation(site);
  f.finish();
  bind_outputs(f, frame, site, values);
}

void Machine::run_layer(Fields& f, Frame& frame) {
  const std::string kind = f.text("layer");
  LayerOptions options;
  options.name = f.text("name", "");
  options.reuse = f.reuse("reuse");
  options.origin = cat("line ", f.at().line, ", column ", f.at().column);
  if (f.has("in")) {
    const std::string in = f.text("in");
    const Binding* binding = in.empty() ? nullptr : &look_up(frame, in);
    const auto* scope = binding == nullptr ? &root_ : std::get_if<VariableScope>(binding);
    if (scope == nullptr) {
      refuse(cat("'", escape(in), "' is a ", word_of(*binding), ", and no scope"));
    }
    options.scope = *scope;
  }
  Site site{emitter_, f, operands(f, frame), "", 0, kind};
  f.texts("as");
  const std::vector<std::size_t> values = apply_layer(
      site, store_, std::move(options), [&](const Variable& v) { return position_of(v); },
      [&](const std::string& name) { return calls_[name]++; });
  bind_outputs(f, frame, site, values);
}

void Machine::run_call(Fields& f, Frame& frame) {
  const std::string name = f.text("call");
  const auto found = functions_.find(name);
  if (found == functions_.end()) {
    std::vector<std::string> known;
    for (const auto& [each, function] : functions_) known.push_back(each);
    refuse(cat("there is no function '", escape(name), "'",
               known.empty() ? "; the file has no functions"
                             : cat(did_you_mean(nearest(name, known, 1)), "; there are ",
                                   join(known, ", "))));
  }
  const Datum& function = *found->second;
  if (function.kind != Kind::kObject) refuse("the function is no object");
  const std::optional<Datum> given = f.find("args");
  f.texts("as");
  f.finish();
  if (given && given->kind != Kind::kObject) refuse("its 'args' are no object");
  Fields head(function, parameters_, budget_);
  (void)head.text("comment", "");
  std::vector<std::string> wanted = head.texts("args");
  const Datum defaults = head.find("defaults").value_or(Datum{.kind = Kind::kObject});
  const std::vector<std::string> returns = head.texts("returns");
  const Datum& body = body_of(head);
  head.finish();
  Frame inner;
  Names names(&parameters_);
  for (const std::string& arg : wanted) {
    const Datum* value = given ? given->find(arg) : nullptr;
    const bool is_given = value != nullptr;
    if (!is_given) value = defaults.find(arg);
    if (value == nullptr) {
      refuse(cat("has no argument '", escape(arg), "'; the function takes ", join(wanted, ", ")));
    }
    names.set(arg, *value);
    // The name of something here is that thing in there, under the argument's name.
    if (!is_given || value->kind != Kind::kText) continue;
    const auto bound = frame.bindings.find(value->text);
    if (bound != frame.bindings.end()) inner.bindings.insert_or_assign(arg, bound->second);
  }
  if (given) {
    for (const auto& [arg, value] : given->members) {
      if (std::ranges::find(wanted, arg) != wanted.end()) continue;
      refuse(cat("the function takes no argument '", escape(arg), "', but ", join(wanted, ", ")));
    }
  }
  run_body(body, inner, names);
  std::vector<Binding> made;
  for (const std::string& each : returns) made.push_back(look_up(inner, each));
  bind(f, frame, made);
}

// {"i": 12}: 0 to 11; {"i": ["a", "b"]}: each of the list. Several names go in step.
void Machine::run_repeat(Fields& f, Frame& frame, const Names& names) {
  const Datum repeat = f.need("repeat");
  const Datum& body = body_of(f);
  f.finish();
  if (repeat.kind != Kind::kObject || repeat.members.empty()) {
    refuse("its 'repeat' is no object of names, each with a count or a list");
  }
  const auto length = [](const Datum& datum) {
    if (datum.kind == Kind::kList) return static_cast<std::int64_t>(datum.items.size());
    if (datum.kind != Kind::kInteger || datum.integer < 0) {
      refuse(cat("repeats as often as ", words_of(datum), "; needed is a count or a list"));
    }
    return datum.integer;
  };
  const auto& [first, first_datum] = repeat.members.front();
  const std::int64_t count = length(first_datum);
  for (const auto& [name, datum] : repeat.members) {
    if (length(datum) != count) {
      refuse(cat("'", escape(first), "' goes over ", count, " and '", escape(name), "' over ",
                 length(datum), "; they go in step"));
    }
  }
  for (std::int64_t i = 0; i < count; ++i) {
    if (budget_ == 0) refuse("the program takes too many steps");
    --budget_;
    Names inner(&names);
    for (const auto& [name, datum] : repeat.members) {
      inner.set(name, datum.kind == Kind::kList ? datum.items[static_cast<std::size_t>(i)]
                                                : Datum::of(i));
    }
    run_body(body, frame, inner);
  }
}

}  // namespace ckpt::program
