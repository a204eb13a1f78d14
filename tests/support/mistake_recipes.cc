#include "support/mistake_recipes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/text.h"
#include "scope/layers.h"
#include "scope/slots.h"

using namespace ckpt;

namespace {

std::set<std::string> names_from(const std::vector<Variables>& copies, std::size_t first) {
  std::set<std::string> names;
  for (std::size_t i = first; i < copies.size(); ++i) names.merge(names_of(copies[i]));
  return names;
}

// Builds the network so many times in one visit of its scope. Sometimes it is not the first that
// will be trained: that one is put first. Where they are `headless`, the later ones are for
// features alone.
std::vector<Variables> build_again(Draft& d, std::size_t count, bool is_headless = false) {
  std::vector<Variables> copies(count);
  {
    const ScopeGuard scope =
        d.style.scope.empty()
            ? d.net.store.open(d.net.store.current_scope(), {.reuse = Reuse::kAuto})
            : d.net.store.open(d.style.scope, {.reuse = Reuse::kAuto});
    for (Variables& copy : copies) {
      Style style = d.style;
      style.has_head = &copy == &copies.front() || !is_headless;
      copy = d.net.build(style);
    }
  }
  if (is_headless) {
    d.variant += ", without head";
    d.net.initialize();
    return copies;
  }
  if (draw_chance(d.rng, 0.3)) {
    std::swap(copies[0], copies[1]);
    d.variant += ", second is live";
  }
  d.net.initialize();
  return copies;
}

double draw_steps(Draft& d) { return std::floor(draw_uniform(d.rng, 100, 100000)); }

void add_step(Draft& d) { d.net.scalar("global_step", draw_steps(d), DType::kI64); }

void ghost_twin(Draft& d) {
  const bool is_thrice = draw_chance(d.rng, 0.2);
  const auto copies = build_again(d, is_thrice ? 3 : 2, draw_chance(d.rng, 0.15));
  const Variables& live = copies[0];
  d.net.train(live, d.style.growth);
  d.net.add_slots(live, d.style.optimizer, true);
  if (is_thrice) d.variant += ", two ghosts";
  if (draw_chance(d.rng, 0.15) && d.style.optimizer == Optimizer::kMomentum) {
    for (std::size_t i = 1; i < copies.size(); ++i) {
      d.net.add_slots(copies[i], d.style.optimizer, false);
    }
    d.variant += ", idle slots";
  }
  // What counts batches is updated by the forward pass, whether or not anything is trained.
  if (draw_chance(d.rng, 0.5)) {
    for (Variable* v : variables_since(d.net.store)) {
      if (v->name().find("moving_") != std::string::npos) d.net.train({v}, 1);
    }
    d.variant += ", statistics updated";
  }
  d.labels = {{.redundant = names_from(copies, 1), .live = names_of(live)}};
  if (draw_chance(d.rng, 0.2)) {
    // Of all that is trainable, as programs ask for it.
    const Variables all = variables_since(d.net.store);
    Variables owners;
    for (Variable* v : all) {
      if (v->trainable()) owners.push_back(v);
    }
    const Variables shadows = moving_averages(d.net.store, owners);
    for (std::size_t i = 0; i < owners.size(); ++i) shadows[i]->assign(owners[i]->value());
    d.labels.push_back({.code = FindingCode::kAverageShadow,
                        .redundant = names_of(shadows),
                        .expected = Confidence::kExplained});
    d.variant += ", averages";
  }
  add_step(d);
}

// A copy in another scope around the same names.
std::vector<Variables> build_inside(Draft& d, const std::string& outer) {
  const std::string scope = d.style.scope.empty() ? "net" : d.style.scope;
  std::vector<Variables> copies{d.net.build_in(scope, d.style)};
  const ScopeGuard guard = d.net.store.open(outer);
  copies.push_back(d.net.build_in(scope, d.style));
  d.net.initialize();
  return copies;
}

void exact_copy(Draft& d) {
  const std::uint64_t way = d.rng() % 4;
  const auto copies = way == 0   ? build_inside(d, "module")
                      : way == 1 ? build_inside(d, "import")
                                 : build_again(d, 2);
  d.variant += way == 0 ? ", wrapped" : way == 1 ? ", imported" : "";
  d.net.train(copies[0], d.style.growth);
  copy_values(copies[0], copies[1]);
  std::set<std::string> live = names_of(copies[0]);
  std::set<std::string> copy = names_of(copies[1]);
  if (draw_chance(d.rng, 0.5)) {
    d.net.add_slots(copies[0], d.style.optimizer, true);
    d.variant += ", slots of one";
  } else if (d.variant.find("second is live") != std::string::npos) {
    std::swap(live, copy);  // nothing tells them apart, so the plainer name is kept
  }
  d.labels = {{.code = FindingCode::kExactCopy,
               .redundant = std::move(copy),
               .live = std::move(live),
               .expected = Confidence::kCertain}};
}

// Two that were meant to share, each trained by itself.
void diverged_twin(Draft& d) {
  const auto copies = build_again(d, 2);
  Variables all = copies[0];
  append(all, copies[1]);
  d.net.train(all, d.style.growth);
  d.net.add_slots(all, d.style.optimizer, true);
  add_step(d);
  d.labels = {{.code = FindingCode::kDivergedTwin,
               .redundant = names_of(copies[1]),
               .live = names_of(copies[0]),
               .is_either = true,
               .expected = Confidence::kPossible}};
}

// A graph that was imported under a scope beside itself: the state of another run of it.
void imported_graph(Draft& d, bool is_fresh, double steps) {
  const auto run = [&](Trainee& net, bool is_used, double step) {
    const Variables all = net.build(d.style);
    net.initialize();
    if (is_used) net.train(all, d.style.growth);
    net.add_slots(all, d.style.optimizer, is_used);
    net.scalar("global_step", step, DType::kI64);
    return names_of(all);
  };
  Trainee other(d.rng());
  Label label{.code = FindingCode::kRebuiltGraph};
  label.live = run(d.net, true, steps);
  for (const auto& name : run(other, !is_fresh, is_fresh ? 0 : std::floor(steps / 2))) {
    label.redundant.insert("import/" + name);
  }
  d.labels = {std::move(label)};
  d.imported = other.save();
}

void rebuilt_graph(Draft& d) {
  const bool is_fresh = draw_chance(d.rng, 0.5);
  const double steps = draw_steps(d);
  d.variant += is_fresh ? ", fresh twin" : ", stale twin";
  if (draw_chance(d.rng, 0.2)) {
    d.variant += ", imported";
    return imported_graph(d, is_fresh, steps);
  }
  const std::size_t count = draw_chance(d.rng, 0.2) ? 3 : 2;
  if (count == 3) d.variant += ", three times";
  const auto copies = build_again(d, count);
  // In the order of their names, in which programs make slots and counters.
  std::vector<std::size_t> order{0, 1, 2};
  order.resize(count);
  if (d.variant.find("second is live") != std::string::npos) std::swap(order[0], order[1]);
  for (const std::size_t i : order) {
    const bool is_used = i == 0 || !is_fresh;
    if (is_used) d.net.train(copies[i], d.style.growth);
    d.net.add_slots(copies[i], d.style.optimizer, is_used);
    const double share = is_used ? 1 / static_cast<double>(i + 1) : 0;
    d.net.scalar("global_step", std::floor(steps * share), DType::kI64);
  }
  d.labels = {{.code = FindingCode::kRebuiltGraph,
               .redundant = names_from(copies, 1),
               .live = names_of(copies[0])}};
}

void nested_repeat(Draft& d) {
  const std::uint64_t way = d.rng() % 3;
  d.variant += way == 0 ? ", inner alone" : way == 1 ? ", inner is live" : "";
  Variables outer;
  Variables inner;
  {
    const ScopeGuard scope = d.net.store.open("network", {.reuse = Reuse::kAuto});
    if (way != 0) outer = d.net.build(d.style);
    inner = d.net.build_in("network", d.style);
  }
  d.net.initialize();
  const Variables& live = way == 2 ? outer : inner;
  d.net.train(live, d.style.growth);
  d.net.add_slots(live, d.style.optimizer, true);
  Label label{.code = FindingCode::kNestedRepeat, .expected = Confidence::kLikely};
  label.redundant = names_of(way == 1 ? outer : inner);
  label.live = names_of(way == 1 ? inner : outer);
  if (way == 0) label.expected = Confidence::kPossible;
  d.labels = {std::move(label)};
}

void wrapper_prefix(Draft& d) {
  const Variables all = d.net.build(d.style);
  d.net.initialize();
  d.net.train(all, d.style.growth);
  d.style.is_dotted = draw_chance(d.rng, 0.7);
  using Prefixes = std::vector<std::string>;
  d.prefixes =
      d.style.is_dotted
          ? draw_one<Prefixes>(
                d.rng, {{"module"}, {"_orig_mod"}, {"module", "_orig_mod"}, {"model", "_orig_mod"}})
          : draw_one<Prefixes>(d.rng, {{"tower_0"}, {"module"}});
  const std::string& outer = d.prefixes.front();
  d.labels = {{.code = FindingCode::kWrapperPrefix,
               .redundant = names_of(all),
               .expected = d.style.is_dotted   ? Confidence::kStrong
                           : outer == "module" ? Confidence::kPossible
                                               : Confidence::kLikely}};
}

void average_shadow(Draft& d) {
  const Variables all = d.net.build(d.style);
  d.net.initialize();
  d.net.train(all, d.style.growth);
  const Variables shadows = moving_averages(d.net.store, all);
  copy_values(all, shadows);
  drift(d.rng, shadows, 0.01);
  d.labels = {{.code = FindingCode::kAverageShadow,
               .redundant = names_of(shadows),
               .expected = Confidence::kExplained}};
}

void orphan_slot(Draft& d) {
  const Variables all = d.net.build(d.style);
  d.net.initialize();
  d.net.train(all, d.style.growth);
  Label label{.code = FindingCode::kOrphanSlot};
  if (draw_chance(d.rng, 0.5)) {
    // A saver that was told which variables to save, and not that slots belong to them.
    Variables owners = all;
    std::erase_if(owners, [](const Variable* v) { return !v->trainable(); });
    const Variable* lost = draw_one(d.rng, owners);
    d.net.add_slots(all, d.style.optimizer, true);
    d.left_out = {lost->name()};
    for (const auto& v : d.net.store.variables()) {
      if (v->name().starts_with(lost->name() + "/")) label.redundant.insert(v->name());
    }
  } else {
    d.variant += ", second optimizer";
    d.style.optimizer = Optimizer::kAdam;
    d.net.add_slots(all, d.style.optimizer, true);
    const std::size_t before = d.net.store.variables().size();
    d.net.add_slots(all, d.style.optimizer, false);
    for (const Variable* v : variables_since(d.net.store, before)) {
      if (v->name().find("power") == std::string::npos) label.redundant.insert(v->name());
    }
    label.expected = Confidence::kLikely;
  }
  d.labels = {std::move(label)};
}

void tied(Draft& d) {
  const Variables all = d.net.build(d.style);
  const Shape shape{200, d.style.width};
  Variable& table = d.net.store.get_variable("embedding/table", {.shape = shape});
  Variable& out = d.net.store.get_variable("decoder/projection/weights", {.shape = shape});
  d.net.initialize();
  d.net.train(variables_since(d.net.store), d.style.growth);
  out.assign(table.value());
  d.labels = {{.code = FindingCode::kTied,
               .redundant = {out.name()},
               .live = {table.name()},
               .expected = Confidence::kCertain}};
}

void dead_branch(Draft& d) {
  using Pair = std::pair<std::string, std::string>;
  const auto names = draw_one<Pair>(d.rng, {{"online", "target"},
                                            {"encoder_q", "encoder_k"},
                                            {"student", "teacher"},
                                            {"encoder", "momentum_encoder"}});
  const Variables online = d.net.build_in(names.first, d.style);
  const Variables target = d.net.build_in(names.second, d.style);
  d.net.initialize();
  d.net.train(online, d.style.growth);
  copy_values(online, target);
  if (draw_chance(d.rng, 0.5)) drift(d.rng, online, 0.02);
  d.net.add_slots(online, d.style.optimizer, true);
  d.labels = {{.code = FindingCode::kDeadBranch,
               .redundant = names_of(target),
               .live = names_of(online),
               .expected = Confidence::kExplained}};
}

void detached_twin(Draft& d) {
  const Shape shape{3 * d.style.width, d.style.width};
  const std::string name = d.style.scope.empty() ? "scope" : d.style.scope;
  KernelAndBias layer;
  Variable* stray = nullptr;
  {
    const ScopeGuard scope =
        d.net.store.open(name, {.reuse = Reuse::kAuto, .initializer = initializer_of(d.style)});
    layer = dense(d.net.store, shape[0], shape[1], {.name = "encoder"});
    stray = &d.net.store.get_variable("kernel", {.shape = shape});
  }
  d.net.initialize();
  d.net.train({layer.kernel, layer.bias}, d.style.growth);
  d.net.add_slots({layer.kernel, layer.bias}, d.style.optimizer, true);
  d.labels = {{.code = FindingCode::kDetachedTwin,
               .redundant = {stray->name()},
               .live = {layer.kernel->name()},
               .expected = Confidence::kLikely}};
}

void counter_drift(Draft& d) {
  d.style.layers = LayerStyle::kUnnamed;
  d.style.net = 0;
  const std::uint64_t built_before = 2 + d.rng() % 40;
  for (std::uint64_t i = 0; i < built_before; ++i) {
    d.net.store.open({.default_name = "dense"}).close();
  }
  const Variables all = d.net.build(d.style);
  d.net.initialize();
  d.net.train(all, d.style.growth);
  d.net.add_slots(all, d.style.optimizer, true);
  d.labels = {{.code = FindingCode::kCounterDrift,
               .redundant = names_of(all),
               .expected = Confidence::kPossible}};
}

void name_clash(Draft& d) {
  const std::int64_t w = d.style.width;
  const bool is_case = draw_chance(d.rng, 0.5);
  const auto one = dense(d.net.store, w, 2 * w, {.name = "output"});
  Variables all{one.kernel, one.bias};
  Variables clash;
  if (is_case) {
    const auto two = dense(d.net.store, 2 * w, 10, {.name = "Output"});
    append(all, {two.kernel, two.bias});
    clash = all;
  } else {
    d.variant += ", variable and scope";
    clash = {one.kernel, &d.net.store.get_by_key("output/kernel/mask", {.shape = Shape{w, 2 * w}})};
    append(all, {clash.back()});
  }
  d.net.initialize();
  d.net.train(all, d.style.growth);
  d.labels = {{.code = FindingCode::kNameClash,
               .redundant = names_of(clash),
               .expected = Confidence::kPossible}};
}

void replica(Draft& d) {
  const Variables all = d.net.build(d.style);
  d.net.initialize();
  d.net.train(all, d.style.growth);
  Variables copies;
  for (const Variable* v : all) {
    copies.push_back(&d.net.store.get_by_key(v->name() + "/replica_1", {.shape = v->shape()}));
    copies.back()->assign(v->value());
  }
  d.labels = {
      {.code = FindingCode::kReplica, .redundant = names_of(copies), .live = names_of(all)}};
}

}  // namespace

void plain_network(Draft& d) {
  const Variables all = d.net.build(d.style);
  d.net.initialize();
  d.net.train(all, d.style.growth);
}

void make(Draft& d, FindingCode code) {
  switch (code) {
    case FindingCode::kGhostTwin:
      return ghost_twin(d);
    case FindingCode::kExactCopy:
      return exact_copy(d);
    case FindingCode::kDivergedTwin:
      return diverged_twin(d);
    case FindingCode::kRebuiltGraph:
      return rebuilt_graph(d);
    case FindingCode::kNestedRepeat:
      return nested_repeat(d);
    case FindingCode::kWrapperPrefix:
      return wrapper_prefix(d);
    case FindingCode::kAverageShadow:
      return average_shadow(d);
    case FindingCode::kOrphanSlot:
      return orphan_slot(d);
    case FindingCode::kTied:
      return tied(d);
    case FindingCode::kDeadBranch:
      return dead_branch(d);
    case FindingCode::kDetachedTwin:
      return detached_twin(d);
    case FindingCode::kCounterDrift:
      return counter_drift(d);
    case FindingCode::kNameClash:
      return name_clash(d);
    case FindingCode::kReplica:
      return draw_chance(d.rng, 0.5) ? replica(d) : plain_network(d);
    case FindingCode::kAlias:
      return plain_network(d);
  }
}
