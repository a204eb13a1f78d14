#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "scope/initial_values.h"
#include "scope/layers.h"
#include "scope/rnn_cells.h"
#include "scope/slots.h"
#include "support/mistakes.h"
#include "support/trainee.h"

// The corpus of what is there twice for a reason.

using namespace ckpt;

namespace {

struct Kind {
  const char* name;
  void (*make)(Trainee& net, const Style& style, std::mt19937_64& rng);
};

void train_all(Trainee& net, const Style& style) {
  const Variables all = variables_since(net.store);
  net.initialize();
  net.train(all, style.growth);
  net.add_slots(all, style.optimizer, true);
  net.scalar("global_step", 1234, DType::kI64);
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
  net.build_in(pair[0], style);
  net.build_in(pair[1], style);
  train_all(net, style);
}

void gan_pair(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const bool is_cycle = rng() % 2 == 0;
  Variables generators = net.build_in("generator", style);
  Variables discriminators = net.build_in("discriminator", style);
  if (is_cycle) {
    append(generators, net.build_in("generator_1", style));
    append(discriminators, net.build_in("discriminator_1", style));
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
  const Variables online = net.build_in(pair[0], style);
  const Variables target = net.build_in(pair[1], style);
  net.initialize();
  net.train(online, style.growth);
  copy_values(online, target);
  if (rng() % 2 == 0) drift(net.rng, online, 0.02);
  net.add_slots(online, style.optimizer, true);
  net.scalar("global_step", 1234, DType::kI64);
}

void frozen_extractor(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  const Variables extractor = net.build_in("extractor", style);
  Style small = style;
  small.net = 0;
  const Variables head = net.build_in("head", small);
  net.initialize();
  net.train(extractor, style.growth);
  net.train(head, style.growth);
  net.add_slots(head, style.optimizer, true);
}

void fresh_head(Trainee& net, const Style& style, std::mt19937_64& rng) {
  Variables body = net.build_in("body", style);
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
        values[i] += 0.2 * draw_normal(rng);
      }
    }
    set_values(*v, values);
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
  drift(net.rng, shadows, 0.01);
  net.add_slots(all, style.optimizer, true);
}

void multi_scale(Trainee& net, const Style& style, std::mt19937_64& rng) {
  net.build_in("generator", style);
  const bool is_default = rng() % 2 == 0;
  for (int i = 0; i < 3; ++i) {
    const ScopeGuard scale = is_default ? net.store.open({.default_name = "discriminator"})
                                        : net.store.open(cat("D/scale_", i));
    net.build(style);
  }
  train_all(net, style);
}

void twin_critics(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const bool is_default = rng() % 2 == 0;
  Variables critics;
  for (int i = 0; i < 2; ++i) {
    const ScopeGuard critic =
        is_default ? net.store.open({.default_name = "critic"}) : net.store.open(cat("q", i + 1));
    append(critics, net.build(style));
  }
  Variables targets;
  {
    const ScopeGuard scope = net.store.open("target");
    for (int i = 0; i < 2; ++i) {
      const ScopeGuard critic =
          is_default ? net.store.open({.default_name = "critic"}) : net.store.open(cat("q", i + 1));
      append(targets, net.build(style));
    }
  }
  net.initialize();
  net.train(critics, style.growth);
  copy_values(critics, targets);
  if (rng() % 2 == 0) drift(net.rng, critics, 0.02);
  net.add_slots(critics, style.optimizer, true);
}

void bidirectional(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  {
    const ScopeGuard both = net.store.open("bidirectional_rnn");
    for (const char* direction : {"fw", "bw"}) {
      const ScopeGuard guard = net.store.open(direction);
      multi_rnn_cell(net.store, style.width, {style.width, style.width});
    }
  }
  dense(net.store, 2 * style.width, 10);
  train_all(net, style);
}

void experts(Trainee& net, const Style& style, std::mt19937_64& rng) {
  const bool is_default = rng() % 2 == 0;
  for (int i = 0; i < 6; ++i) {
    const ScopeGuard expert =
        is_default ? net.store.open({.default_name = "expert"}) : net.store.open(cat("expert_", i));
    dense(net.store, style.width, 4 * style.width, {.name = "up"});
    dense(net.store, 4 * style.width, style.width, {.name = "down"});
  }
  train_all(net, style);
}

// Heads that start at zero, as detectors and policies have them; some have not moved.
void zero_heads(Trainee& net, const Style& style, std::mt19937_64& rng) {
  Variables moved = net.build_in("body", style);
  Variables heads;
  for (int i = 0; i < 3; ++i) {
    const ScopeGuard head = net.store.open({.default_name = "head"});
    heads.push_back(&net.store.get_variable(
        "kernel", {.shape = Shape{style.width, 5}, .initializer = Initializer::zeros()}));
    heads.push_back(
        &net.store.get_variable("bias", {.shape = Shape{5}, .initializer = Initializer::zeros()}));
  }
  net.initialize();
  net.train(moved, style.growth);
  append(moved, heads);
  net.add_slots(moved, style.optimizer, true);
  if (rng() % 2 == 0) {
    for (Variable* v : heads) {
      auto values = values_of(v->value());
      for (double& x : values) x = 0.1 * draw_normal(rng);
      set_values(*v, values);
    }
  }
}

// A head for a second task, as it is when the fine-tuning begins: the optimizer has just made slots
// for it.
void second_head(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  Variables old = net.build_in("body", style);
  const auto first = dense(net.store, style.width, 7);
  append(old, {first.kernel, first.bias});
  const auto second = dense(net.store, style.width, 7);
  net.initialize();
  net.train(old, style.growth);
  net.add_slots(old, style.optimizer, true);
  net.add_slots({second.kernel, second.bias}, style.optimizer, false);
}

// Values of normal initializers keep their shape when training moves them little.
void little_trained(Trainee& net, const Style& style, std::mt19937_64& rng) {
  Style normal = style;
  normal.initializer =
      draw_one<std::string>(rng, {"random_normal 0.02", "random_normal 0.01", "random_normal 0.1"});
  net.store.current_scope().defaults().initializer = initializer_of(normal);
  for (int i = 0; i < 5; ++i) dense(net.store, style.width, style.width);
  dense(net.store, style.width, 2 * style.width);
  dense(net.store, 2 * style.width, style.width);
  dense(net.store, style.width, 2 * style.width);
  const Variables all = variables_since(net.store);
  net.initialize();
  net.train(all, 1.02);
  net.add_slots(all, normal.optimizer, true);
}

void quantised_copy(Trainee& net, const Style& style, std::mt19937_64& /*rng*/) {
  const Variables all = net.build(style);
  net.initialize();
  net.train(all, style.growth);
  for (const Variable* v : all) {
    const auto values = values_of(v->value());
    double largest = 1e-9;
    for (const double x : values) largest = std::max(largest, std::abs(x));
    Tensor tensor{DType::kI8, v->shape(), Bytes(values.size())};
    for (std::size_t i = 0; i < values.size(); ++i) {
      tensor.bytes[i] = static_cast<std::byte>(std::lround(values[i] / largest * 127));
    }
    net.store
        .get_by_key("quantized/" + v->name(), {.shape = v->shape(),
                                               .dtype = DType::kI8,
                                               .initializer = Initializer::zeros(),
                                               .trainable = false})
        .assign(std::move(tensor));
    net.store
        .get_by_key("quantized/" + v->name() + "_scale",
                    {.shape = Shape{}, .initializer = Initializer::zeros(), .trainable = false})
        .assign(fill_with({}, DType::kF32, largest / 127));
  }
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
                           {"averages", averages},
                           {"multi-scale discriminators", multi_scale},
                           {"twin critics and their targets", twin_critics},
                           {"bidirectional cells", bidirectional},
                           {"experts", experts},
                           {"all-zero heads", zero_heads},
                           {"fresh second head", second_head},
                           {"normal initializer, little trained", little_trained},
                           {"quantised copy", quantised_copy}};

}  // namespace

int legitimate_kinds() { return static_cast<int>(std::size(kKinds)); }

std::string legitimate_kind(int kind) { return kKinds[kind].name; }

Labelled make_legitimate(int kind, std::uint64_t seed) {
  std::mt19937_64 rng(seed * 104729 + static_cast<std::uint64_t>(kind));
  Style style = draw_style(rng);
  if (rng() % 4 == 0) style.optimizer = Optimizer::kNone;
  Trainee net(rng());
  kKinds[kind].make(net, style, rng);
  Labelled out{.what = cat(kKinds[kind].name, " #", seed, ": ", describe(style)),
               .checkpoint = net.save(),
               .labels = {}};
  return style.is_dotted ? with_dots(std::move(out)) : out;
}
