#include <cmath>

#include "core/text.h"
#include "scope/layers.h"
#include "scope/rnn_cells.h"
#include "scope/slots.h"
#include "support/mistakes.h"

// The corpus of what is there twice for a reason.

using namespace ckpt;

namespace {

using Variables = std::vector<Variable*>;

void append(Variables& to, const Variables& from) { to.insert(to.end(), from.begin(), from.end()); }

struct Kind {
  const char* name;
  void (*make)(Trainee& net, const Style& style, std::mt19937_64& rng);
};

Variables in_scope(Trainee& net, const std::string& scope, const Style& style) {
  const ScopeGuard guard = net.store.open(scope);
  return net.build(style);
}

Variables all_variables(Trainee& net) {
  Variables all;
  for (const auto& v : net.store.variables()) all.push_back(v.get());
  return all;
}

void train_all(Trainee& net, const Style& style) {
  const Variables all = all_variables(net);
  net.initialize();
  net.train(all, style.growth);
  net.add_slots(all, style.optimizer, true);
  net.scalar("global_step", 1234, DType::kI64);
}

void copy_values(const Variables& from, const Variables& to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i]->assign(from[i]->value());
}

void drift(Trainee& net, const Variables& variables, double share) {
  for (Variable* v : variables) {
    auto values = values_of(v->value());
    for (double& x : values) x += share * x * std::normal_distribution<double>()(net.rng);
    v->assign(tensor_of(v->dtype(), v->shape(), values));
  }
}

// --- the kinds

void numbered_cnn(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  const std::int64_t w = style.width;
  conv2d(net.store, {3, 3, 3, w});
  for (int i = 0; i < 6; ++i) {
    conv2d(net.store, {3, 3, w, w});
    batch_normalization(net.store, w);
  }
  dense(net.store, w, 10);
  train_all(net, style);
}

void residual_stack(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const bool is_series = rng() % 2 == 0;
  for (int i = 0; i < 8; ++i) {
    const ScopeGuard block =
        is_series ? net.store.open(cat("block_", i)) : net.store.open({.default_name = "block"});
    for (int k = 0; k < 2; ++k) {
      conv2d(net.store, {3, 3, style.width, style.width});
      batch_normalization(net.store, style.width);
    }
  }
  dense(net.store, style.width, 100);
  train_all(net, style);
}

void transformer(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const std::int64_t w = style.width;
  Variables silent;
  for (int i = 0; i < 12; ++i) {
    const ScopeGuard layer = net.store.open(cat("encoder/layer_", i));
    for (const char* name : {"query", "key", "value", "output"}) {
      const auto made = dense(net.store, w, w, {.name = name});
      if (std::string(name) == "output" && rng() % 3 == 0) silent = {made.kernel, made.bias};
    }
    dense(net.store, w, 4 * w, {.name = "up"});
    dense(net.store, 4 * w, w, {.name = "down"});
  }
  train_all(net, style);
  // A projection that starts at zero and has not moved.
  for (Variable* v : silent)
    v->assign(tensor_of(v->dtype(), v->shape(), std::vector<double>(v->bytes().size() / 4, 0)));
}

void stacked_cells(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  dynamic_rnn(net.store, style.width, {style.width, style.width, style.width});
  dense(net.store, style.width, 10);
  train_all(net, style);
}

void siamese(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const char* const names[][2] = {{"left", "right"},
                                  {"query_tower", "doc_tower"},
                                  {"branch", "branch_1"},
                                  {"tower_a", "tower_b"}};
  const auto& pair = names[rng() % 4];
  in_scope(net, pair[0], style);
  in_scope(net, pair[1], style);
  train_all(net, style);
}

void gan_pair(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const bool is_cycle = rng() % 2 == 0;
  Variables generators = in_scope(net, "generator", style);
  Variables discriminators = in_scope(net, "discriminator", style);
  if (is_cycle) {
    append(generators, in_scope(net, "generator_1", style));
    append(discriminators, in_scope(net, "discriminator_1", style));
  }
  net.initialize();
  net.train(generators, style.growth);
  net.train(discriminators, style.growth);
  net.add_slots(generators, style.optimizer, true);
  net.add_slots(discriminators, style.optimizer, true);
  net.scalar("global_step", 1234, DType::kI64);
}

void ensemble(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const bool is_default = rng() % 2 == 0;
  for (int i = 0; i < 5; ++i) {
    const ScopeGuard member =
        is_default ? net.store.open({.default_name = "member"}) : net.store.open(cat("member_", i));
    net.build(style);
  }
  train_all(net, style);
}

void online_and_target(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const char* const names[][2] = {{"online", "target"},       {"q_func", "target_q_func"},
                                  {"eval_net", "target_net"}, {"student", "teacher"},
                                  {"encoder_q", "encoder_k"}, {"encoder", "momentum_encoder"}};
  const auto& pair = names[rng() % 6];
  const Variables online = in_scope(net, pair[0], style);
  const Variables target = in_scope(net, pair[1], style);
  net.initialize();
  net.train(online, style.growth);
  copy_values(online, target);
  if (rng() % 2 == 0) drift(net, online, 0.02);
  net.add_slots(online, style.optimizer, true);
  net.scalar("global_step", 1234, DType::kI64);
}

void frozen_extractor(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  const Variables extractor = in_scope(net, "extractor", style);
  Style small = style;
  small.net = 0;
  const Variables head = in_scope(net, "head", small);
  net.initialize();
  net.train(extractor, style.growth);
  net.train(head, style.growth);
  net.add_slots(head, style.optimizer, true);
}

void fresh_head(Trainee& net, const Style& style, std::mt19937_64& rng) {
  Variables body = in_scope(net, "body", style);
  net.initialize();
  net.train(body, style.growth);
  Variables head;
  {
    const ScopeGuard guard = net.store.open("head");
    const auto made = dense(net.store, style.width, 7);
    head = {made.kernel, made.bias};
  }
  for (Variable* v : head) v->initialize(rng());
  if (rng() % 2 == 0) {
    append(body, head);
    net.add_slots(body, style.optimizer, false);
  }
}

void step_zero(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const Variables all = net.build(style);
  net.initialize();
  if (rng() % 2 == 0) net.add_slots(all, style.optimizer, false);
  net.scalar("global_step", 0, DType::kI64);
}

void untouched_rows(Trainee& net, const Style& style, std::mt19937_64& rng) {
  Variable& table = net.store.get_variable(
      "embedding/table",
      {.shape = Shape{400, style.width}, .initializer = Initializer::random_uniform(-0.05, 0.05)});
  Variable& other = net.store.get_variable(
      "embedding_1/table",
      {.shape = Shape{400, style.width}, .initializer = Initializer::random_uniform(-0.05, 0.05)});
  dense(net.store, style.width, 10);
  net.initialize();
  // A tenth of the rows was ever seen.
  for (Variable* v : {&table, &other}) {
    auto values = values_of(v->value());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i / static_cast<std::size_t>(style.width) % 10 == 0) {
        values[i] += 0.2 * std::normal_distribution<double>()(rng);
      }
    }
    v->assign(tensor_of(v->dtype(), v->shape(), values));
  }
  net.add_slots({&table, &other}, style.optimizer, true);
}

void tiny(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  dense(net.store, 2, 3);
  dense(net.store, 3, 3);
  dense(net.store, 3, 3);
  dense(net.store, 3, 1);
  train_all(net, style);
}

void half_copy(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const Variables all = net.build(style);
  net.initialize();
  net.train(all, style.growth);
  const DType dtype = rng() % 2 == 0 ? DType::kF16 : DType::kBf16;
  for (const Variable* v : all) {
    const Tensor value = v->value();
    Variable& half = net.store.get_by_key("half/" + v->name(), {.shape = v->shape(),
                                                                .dtype = dtype,
                                                                .initializer = Initializer::zeros(),
                                                                .trainable = false});
    half.assign(tensor_of(dtype, v->shape(), values_of(value)));
  }
  net.add_slots(all, style.optimizer, true);
}

void averages(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  const Variables all = net.build(style);
  net.initialize();
  net.train(all, style.growth);
  const Variables shadows = moving_averages(net.store, all);
  for (std::size_t i = 0; i < all.size(); ++i) shadows[i]->assign(all[i]->value());
  drift(net, shadows, 0.01);
  net.add_slots(all, style.optimizer, true);
}

constexpr Kind kKinds[] = {{"numbered CNN", numbered_cnn},
                           {"residual stack", residual_stack},
                           {"transformer", transformer},
                           {"stacked cells", stacked_cells},
                           {"siamese towers", siamese},
                           {"GAN pair", gan_pair},
                           {"ensemble", ensemble},
                           {"online and target", online_and_target},
                           {"frozen extractor", frozen_extractor},
                           {"fresh head", fresh_head},
                           {"fine-tuning at step 0", step_zero},
                           {"embeddings with untouched rows", untouched_rows},
                           {"tiny model", tiny},
                           {"half-precision copy", half_copy},
                           {"averages", averages}};

}  // namespace

int legitimate_kinds() { return static_cast<int>(std::size(kKinds)); }

Labelled make_legitimate(int kind, std::uint64_t seed) {
  std::mt19937_64 rng(seed * 104729 + static_cast<std::uint64_t>(kind));
  Style style = draw_style(rng);
  if (rng() % 4 == 0) style.optimizer = Optimizer::kNone;
  Trainee net(rng());
  kKinds[kind].make(net, style, rng);
  return {.what = cat(kKinds[kind].name, " #", seed, ": ", describe(style)),
          .checkpoint = net.save(),
          .labels = {}};
}
