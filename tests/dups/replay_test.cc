#include <doctest/doctest.h>

#include <algorithm>

#include "core/text.h"
#include "scope/layers.h"
#include "scope/scope_error.h"
#include "scope/slots.h"
#include "support/scope_code_of.h"
#include "support/scorecard.h"
#include "support/trainee.h"

// Reports of the field (specs/reuse_mistakes.md, section 1), replayed on the scope engine. What is
// to be said of each was written before it was run.

using namespace ckpt;

namespace {

// Builds twice, trains what came first, and says what is found in the file.
std::string replay(const std::function<void(VariableStore&)>& first,
                   const std::function<void(VariableStore&)>& second) {
  Trainee net(5);
  first(net.store);
  const Variables live = variables_since(net.store);
  const std::size_t count = net.store.variables().size();
  second(net.store);
  REQUIRE(net.store.variables().size() > count);
  net.initialize();
  net.train(live, 2.5);
  net.add_slots(live, Optimizer::kAdam, true);
  const MemoryCheckpoint checkpoint = net.save();
  std::vector<std::string> out;
  for (const Finding& finding : find_in(checkpoint).findings) {
    if (finding.confidence < Confidence::kLikely) continue;
    std::string line = cat(name_of(finding.confidence), " ", name_of(finding.code), " keep");
    for (std::size_t i = 0; i < finding.members.size(); ++i) {
      if (i == finding.keep.size()) line += " drop";
      line += cat(" ", finding.members[i].name);
    }
    out.push_back(std::move(line));
  }
  return join(out, "; ");
}

void plain_pair(VariableStore& store) {
  const NameScopeGuard names = store.name_scope("foo");
  store.make_variable(
      "Variable", {.shape = Shape{20, 30}, .initializer = Initializer::truncated_normal(0, 0.1)});
  store.make_variable("biases", {.shape = Shape{30}, .initializer = Initializer::zeros()});
}

void bert(VariableStore& store) {
  const ScopeGuard scope = store.open({.default_name = "bert"});
  dense(store, 40, 24, {.name = "pooler"});
  batch_normalization(store, 24);
}

}  // namespace

TEST_SUITE("dups/replay") {
  TEST_CASE("R1: a scope entered again with plain constructors") {
    CHECK(replay(plain_pair, plain_pair) == "strong ghost-twin keep foo/ drop foo_1/");
  }

  TEST_CASE("R2: two models in one visit of an AUTO scope") {
    const auto twice = [](VariableStore& store) {
      const ScopeGuard scope = store.open("scope", {.reuse = Reuse::kAuto});
      bert(store);
      bert(store);
    };
    // Both come from one visit, so that the first half has to be told apart here.
    Trainee net(6);
    twice(net.store);
    const Variables all = variables_since(net.store);
    const Variables live(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2));
    net.initialize();
    net.train(live, 2.5);
    net.add_slots(live, Optimizer::kMomentum, true);
    const auto findings = find_in(net.save()).findings;
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].code == FindingCode::kGhostTwin);
    CHECK(findings[0].confidence == Confidence::kStrong);
    CHECK(findings[0].members == std::vector<Member>{{0, "scope/bert/"}, {0, "scope/bert_1/"}});
    CHECK(findings[0].rules == std::vector<std::string>{"scope/bert_1/{_:path} = -"});
  }

  TEST_CASE("R3: one model a device, contrib layers unnamed in one visit of the root") {
    const auto tower = [](VariableStore& store) {
      for (const Shape& kernel : {Shape{3, 3, 3, 16}, Shape{3, 3, 16, 24}}) {
        contrib_layer(store, ContribLayer::kConv2d, kernel, kernel.back());
      }
    };
    CHECK(replay(tower, tower) == "strong ghost-twin keep Conv/ Conv_1/ drop Conv_2/ Conv_3/");
  }

  TEST_CASE("R4: unnamed layers in one visit of a scope, and R10: unnamed plain variables") {
    const auto layers = [](VariableStore& store) {
      dense(store, 30, 20);
      dense(store, 20, 10);
    };
    CHECK(replay(layers, layers) ==
          "strong ghost-twin keep dense/ dense_1/ drop dense_2/ dense_3/");
    const auto plain = [](VariableStore& store) {
      store.make_variable(
          "", {.shape = Shape{30, 20}, .initializer = Initializer::random_uniform(-0.05, 0.05)});
      store.make_variable("", {.shape = Shape{20}, .initializer = Initializer::zeros()});
    };
    CHECK(replay(plain, plain) ==
          "strong ghost-twin keep Variable Variable_1 drop Variable_2 Variable_3");
  }

  TEST_CASE("R5: a layer class with a name is numbered under reuse") {
    const auto memory = [](VariableStore& store) {
      const ScopeGuard scope = store.open("main", {.reuse = Reuse::kAuto});
      Layer layer = Layer::object(store, "dense", {.name = "memory_layer"});
      layer.apply({{.name = "kernel", .shape = {50, 20}}});
      Layer again = Layer::object(store, "dense", {.name = "memory_layer"});
      again.apply({{.name = "kernel", .shape = {50, 20}}});
    };
    Trainee net(8);
    memory(net.store);
    const Variables all = variables_since(net.store);
    CHECK(names_of(all) ==
          std::set<std::string>{"main/memory_layer/kernel", "main/memory_layer_1/kernel"});
    net.initialize();
    net.train({all[0]}, 2.5);
    net.add_slots({all[0]}, Optimizer::kAdam, true);
    const auto findings = find_in(net.save()).findings;
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].confidence == Confidence::kStrong);
    CHECK(findings[0].rules == std::vector<std::string>{"main/memory_layer_1/{_:path} = -"});
  }

  TEST_CASE("R6: a second unnamed normalization beside one layer") {
    const auto once = [](VariableStore& store) { batch_normalization(store, 32); };
    CHECK(replay(once, once) ==
          "strong ghost-twin keep batch_normalization/ drop batch_normalization_1/");
  }

  TEST_CASE("R7: reopening the scope restarts the numbers, so the second call is an error") {
    VariableStore store;
    const auto net = [&] {
      const ScopeGuard scope = store.open("two_batchnorm");
      batch_normalization(store, 32);
    };
    net();
    CHECK(scope_code_of(net) == ScopeErrc::kExists);
  }

  TEST_CASE("R8: a helper asks for the kernel one scope too high") {
    const auto layer = [](VariableStore& store) {
      const ScopeGuard scope = store.open("scope");
      dense(store, 40, 20, {.name = "dense"});
    };
    const auto helper = [](VariableStore& store) {
      const ScopeGuard scope = store.open("scope", {.reuse = Reuse::kAuto});
      store.get_variable("kernel", {.shape = Shape{40, 20}});
    };
    CHECK(replay(layer, helper) ==
          "likely detached-twin keep scope/dense/kernel drop scope/kernel");
  }

  TEST_CASE("R9: a restored graph and the one built beside it, saved together") {
    const Labelled labelled = make_mistake(FindingCode::kRebuiltGraph, 77);
    const auto findings = find_in(labelled.checkpoint).findings;
    REQUIRE(!findings.empty());
    CHECK(findings[0].code == FindingCode::kRebuiltGraph);
    CHECK(findings[0].confidence == Confidence::kStrong);
  }

  TEST_CASE("R15 and R17: helpers of averages inside their own scope are normal") {
    Trainee net(9);
    {
      const ScopeGuard scope = net.store.open("bn");
      Variable& mean = net.store.get_variable(
          "moving_mean", {.shape = Shape{16}, .initializer = Initializer::zeros()});
      zero_debias(net.store, mean);
    }
    net.initialize();
    CHECK(find_in(net.save()).findings.empty());
  }

  TEST_CASE("R24: two layers that share one dense are not seen, for there is nothing to see") {
    Trainee net(10);
    dense(net.store, 30, 20, {.name = "dense"});
    dense(net.store, 30, 20, {.name = "dense", .reuse = Reuse::kTrue});
    const Variables all = variables_since(net.store);
    CHECK(all.size() == 2);
    net.initialize();
    net.train(all, 2);
    net.add_slots(all, Optimizer::kAdam, true);
    CHECK(find_in(net.save()).findings.empty());
  }

  TEST_CASE("R25: slots of a variable that is not there are orphans where others have theirs") {
    Trainee net(11);
    dense(net.store, 30, 20);
    const Variables all = variables_since(net.store);
    net.initialize();
    net.train(all, 2);
    net.add_slots(all, Optimizer::kAdam, true);
    MemoryCheckpoint checkpoint = net.save();
    const Tensor slot = tensor_of(DType::kF32, {5}, {1, 2, 3, 4, 5});
    checkpoint.add("d_w1/Adam", slot);
    checkpoint.add("d_w1/Adam_1", slot);
    const auto findings = find_in(checkpoint).findings;
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].code == FindingCode::kOrphanSlot);
    CHECK(findings[0].confidence == Confidence::kStrong);
    CHECK(findings[0].rules == std::vector<std::string>{"d_w1/Adam = -", "d_w1/Adam_1 = -"});
    CHECK(findings[0].evidence ==
          std::vector<std::string>{
              "2 variables called as Adam slots, of variables that are not there",
              "4 other slots of that name have their variables"});
  }
}
