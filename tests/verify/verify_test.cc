#include "verify/verify.h"

#include <doctest/doctest.h>

#include <cmath>

#include "model/tiny_model.h"
#include "support/error_of.h"
#include "verify/probe.h"

// Verification of networks that the tests make themselves, without files.

namespace ckpt {
namespace {

using namespace test;

json dense(const std::string& name, int units, const std::string& activation = "linear") {
  return layer("Dense", {{"units", units}, {"activation", activation}}, name);
}

// Two layers; what the second one gives passes a ReLU.
json two_layers() { return sequential({2}, {dense("a", 2), dense("b", 2, "relu")}); }

std::vector<Given> values() {
  return {{"a/kernel", {2, 2}, {1, 2, -3, 4}},
          {"a/bias", {2}, {0.5, -0.5}},
          {"b/kernel", {2, 2}, {0.5, 1, -1, 2}},
          {"b/bias", {2}, {1, 2}}};
}

// A checkpoint and its network.
struct Subject {
  Subject(const std::vector<Given>& given, const json& config)
      : checkpoint(checkpoint_of(given)),
        reader(open_memory(checkpoint)),
        graph(read_keras_config(config.dump())) {
    bind_keras(graph, reader->index());
  }
  MemoryCheckpoint checkpoint;
  std::unique_ptr<Reader> reader;
  Graph graph;
};

// NEW against OLD by equal names, each with its own network.
VerifyRequest request_of(const Subject& was, const Subject& is) {
  VerifyRequest request;
  request.found = is.reader.get();
  request.old = request.expected = was.reader.get();
  request.returned = is.reader.get();
  request.old_network = Network{&was.graph, "OLD's"};
  request.new_network = Network{&is.graph, "NEW's"};
  return request;
}

std::vector<float>& values_in(std::vector<Given>& given, const std::string& name) {
  return std::ranges::find(given, name, &Given::name)->values;
}

}  // namespace

TEST_SUITE_BEGIN("verify/verify");

TEST_CASE("equal networks are the same, bit for bit, each variable proven twice") {
  const Subject was(values(), two_layers());
  const Subject is(values(), two_layers());
  const Verification result = verify(request_of(was, is));
  CHECK(result.verdict == Verdict::kSame);
  CHECK(result.reasons.empty());
  REQUIRE(result.forward);
  CHECK(result.forward->outputs.at(0).agreement == Agreement::kIdentical);
  CHECK(result.forward->tolerance.is_exact());
  CHECK(result.proven_by_bytes == 4);
  CHECK(result.proven_by_outputs == 4);
  CHECK(!result.diagnosis);
}

TEST_CASE("the layer where a difference begins is the one that reads the variable") {
  auto changed = values();
  values_in(changed, "b/bias") = {1, 3};
  const Subject was(values(), two_layers());
  const Subject is(changed, two_layers());
  const Verification result = verify(request_of(was, is));
  CHECK(result.verdict == Verdict::kDifferent);
  CHECK(result.forward->first_difference->name == "b#0#0");
  REQUIRE(result.diagnosis);
  CHECK(result.diagnosis->names == std::vector<std::string>{"b/bias"});
  CHECK(result.diagnosis->is_confirmed);
}

TEST_CASE("a variable that no output follows is not proven by the forward pass") {
  // The second layer's first unit never fires, nor does its second: what is before is unseen.
  auto dead = values();
  values_in(dead, "b/kernel") = {0, 0, 0, 0};
  values_in(dead, "b/bias") = {-1, -1};
  auto changed = dead;
  values_in(changed, "a/bias") = {0.5, 7};
  const Subject was(dead, two_layers());
  const Subject is(changed, two_layers());
  const Verification same = verify(request_of(was, was));
  CHECK(same.verdict == Verdict::kSame);
  // A larger bias of "b" makes its units fire: that alone shows.
  CHECK(same.forward->unseen == std::vector<std::string>{"a/kernel", "a/bias"});
  CHECK(same.proven_by_outputs == 2);
  const Verification result = verify(request_of(was, is));
  CHECK(result.verdict == Verdict::kDifferent);
  CHECK(result.forward->outputs.at(0).agreement == Agreement::kIdentical);
  CHECK(result.proven_by_neither == std::vector<std::string>{"a/bias"});
  CHECK(result.reasons ==
        std::vector<std::string>{"1 variable has other bytes, 'a/bias'; the forward pass does not "
                                 "show it, the bytes decide"});
}

TEST_CASE("a variable that no network reads is proven by its bytes alone") {
  auto given = values();
  given.push_back({"step", {}, {3}});
  auto changed = given;
  values_in(changed, "step") = {4};
  const Subject was(given, two_layers());
  const Subject is(changed, two_layers());
  const Verification same = verify(request_of(was, was));
  CHECK(same.proven_by_bytes == 5);
  CHECK(same.proven_by_outputs == 4);
  const Verification result = verify(request_of(was, is));
  CHECK(result.verdict == Verdict::kDifferent);
  CHECK(result.proven_by_neither == std::vector<std::string>{"step"});
}

TEST_CASE("values of another variable are traced to it") {
  auto changed = values();
  values_in(changed, "b/bias") = values_in(changed, "a/bias");
  const Subject was(values(), two_layers());
  const Subject is(changed, two_layers());
  const Verification result = verify(request_of(was, is));
  REQUIRE(result.diagnosis);
  CHECK(result.diagnosis->faults ==
        std::vector<std::string>{"'b/bias' has the values of 'a/bias'"});
  CHECK(result.diagnosis->tried == "the outputs agree, bit for bit, once 'b/bias' has its own");
}

TEST_CASE("two faults at once are both found, and mended together") {
  auto changed = values();
  std::swap(values_in(changed, "a/bias"), values_in(changed, "b/bias"));
  values_in(changed, "b/kernel") = {0.5, -1, 1, 2};
  const Subject was(values(), two_layers());
  const Subject is(changed, two_layers());
  const Verification result = verify(request_of(was, is));
  REQUIRE(result.diagnosis);
  CHECK(result.diagnosis->faults ==
        std::vector<std::string>{"'a/bias' and 'b/bias' are swapped", "'b/kernel' is transposed"});
  CHECK(
      result.diagnosis->tried ==
      "the outputs agree, bit for bit, once 'a/bias' and 'b/bias' are swapped back and 'b/kernel' "
      "is permuted (1, 0)");
}

TEST_CASE("a variable in the wrong place is found where no output shows it") {
  // "b" never fires, so that nothing before it shows; NEW's network calls the layers the other way
  // round, and its file has each where OLD had it.
  auto dead = values();
  values_in(dead, "b/kernel") = {0, 0, 0, 0};
  values_in(dead, "b/bias") = {-1, -1};
  dead.push_back({"c/kernel", {2, 2}, {1, 2, 3, 5}});
  dead.push_back({"c/bias", {2}, {3, 4}});
  const auto net = [](const std::string& first, const std::string& second) {
    return sequential({2}, {dense(first, 2), dense(second, 2), dense("b", 2, "relu")});
  };
  const Subject was(dead, net("a", "c"));
  const Subject is(dead, net("c", "a"));
  const Verification result = verify(request_of(was, is));
  CHECK(result.forward->outputs.at(0).agreement == Agreement::kIdentical);
  CHECK(result.verdict == Verdict::kDifferent);
  CHECK(result.reasons == std::vector<std::string>{
                              "4 variables are not where the network of NEW looks for them, first "
                              "'a/bias'"});
  REQUIRE(result.diagnosis);
  CHECK(result.diagnosis->faults ==
        std::vector<std::string>{"'c/kernel' and 'a/kernel' are swapped",
                                 "'c/bias' and 'a/bias' are swapped"});
  CHECK(result.proven_by_bytes == 2);
  CHECK(result.proven_by_neither ==
        std::vector<std::string>{"a/kernel", "a/bias", "c/kernel", "c/bias"});
}

TEST_CASE("inputs that are made and do not fit are told as such") {
  const Subject was(values(), two_layers());
  const Graph huge = read_keras_config(
      sequential({60000, 60000, 2}, {dense("a", 2), dense("b", 2, "relu")}).dump());
  VerifyRequest request = request_of(was, was);
  request.old_network->graph = &huge;
  CHECK(error_of([&] { verify(request); }) ==
        "a tensor of shape [4, 60000, 60000, 2] is too large; the inputs were made from a seed, "
        "--inputs NPZ gives others");
}

TEST_CASE("another activation in NEW's network is told as such") {
  const Subject was(values(), two_layers());
  const Subject is(values(), sequential({2}, {dense("a", 2), dense("b", 2, "tanh")}));
  const Verification result = verify(request_of(was, is));
  CHECK(result.verdict == Verdict::kDifferent);
  REQUIRE(result.diagnosis);
  CHECK(result.diagnosis->faults ==
        std::vector<std::string>{"activation of the layer 'b' is 'tanh', was 'relu'"});
  CHECK(result.diagnosis->is_confirmed);
}

TEST_CASE("networks of another build are compared by their outputs, within a bound") {
  const Subject was(values(), two_layers());
  // The same function with a layer more, which changes nothing.
  const Subject is(values(), sequential({2}, {dense("a", 2), dense("b", 2),
                                              layer("ReLU", json::object(), "relu")}));
  const Verification result = verify(request_of(was, is));
  CHECK(result.verdict == Verdict::kSame);
  CHECK(!result.forward->tolerance.is_exact());
  CHECK(result.forward->tolerance.words ==
        "4 × 3 operations in a row × (2^-24 computed + √2 × 2^-53 summed)");
}

TEST_CASE("a network that takes other inputs, or gives others, is different") {
  const Subject was(values(), two_layers());
  const Subject is({{"a/kernel", {3, 2}, {1, 2, 3, 4, 5, 6}},
                    {"a/bias", {2}, {0.5, -0.5}},
                    {"b/kernel", {2, 2}, {0.5, 1, -1, 2}},
                    {"b/bias", {2}, {1, 2}}},
                   sequential({3}, {dense("a", 2), dense("b", 2, "relu")}));
  const Verification result = verify(request_of(was, is));
  CHECK(result.verdict == Verdict::kDifferent);
  CHECK(result.reasons ==
        std::vector<std::string>{
            "1 variable with another dtype or shape, 'a/kernel'",
            "NEW cannot be run on the inputs that OLD was run on: input 'x' has the shape [4, 2], "
            "not [?, 3]"});
  CHECK(result.no_forward == "NEW cannot be run");
}

TEST_CASE("one network serves both where only one is known") {
  const Subject was(values(), two_layers());
  auto changed = values();
  values_in(changed, "a/kernel") = {1, 2, -3, 5};
  const Subject is(changed, two_layers());
  VerifyRequest request = request_of(was, is);
  request.new_network.reset();
  CHECK(verify(request).forward->new_graph == "that of OLD");
  CHECK(verify(request).verdict == Verdict::kDifferent);
  request = request_of(was, is);
  request.old_network.reset();
  CHECK(verify(request).forward->old_graph == "that of NEW, names mapped");
  CHECK(verify(request).diagnosis->names == std::vector<std::string>{"a/kernel"});
}

TEST_CASE("no name in common is not comparable, and the remedy is told") {
  const Subject was(values(), two_layers());
  auto renamed = values();
  for (Given& each : renamed) each.name = "net/" + each.name;
  const MemoryCheckpoint checkpoint = checkpoint_of(renamed);
  const auto found = open_memory(checkpoint);
  VerifyRequest request = request_of(was, was);
  request.found = request.returned = found.get();
  request.old_network.reset();
  request.new_network.reset();
  const Verification result = verify(request);
  CHECK(result.verdict == Verdict::kNotComparable);
  CHECK(result.reasons == std::vector<std::string>{
                              "no variable of NEW has the name of one of OLD; --map says how they "
                              "correspond, a map file or the receipt of the remap"});
}

TEST_CASE("a record that lacks an output is refused") {
  const Subject is(values(), two_layers());
  VerifyRequest request;
  request.found = is.reader.get();
  request.new_network = Network{&is.graph, "NEW's"};
  request.golden = {{"b#0#0", floats({4, 2}, std::vector<float>(8))}};
  CHECK(error_of([&] { verify(request); }) ==
        "the record has no 'output_0'; `ckpt verify NEW --record FILE` makes one");
}

TEST_CASE("made inputs have rows of four kinds, and integers inside their table") {
  const Graph graph = read_keras_config(sequential({50}, {dense("a", 2)}).dump());
  const Probe probe = make_probe(graph, 7);
  CHECK(probe.words == "seed 7, 4 rows: normal, uniform, wide, sparse");
  REQUIRE(probe.inputs.at(0).shape == Shape{4, 50});
  const auto x = values_of(probe.inputs[0]);
  const auto row = [&](int i) { return std::vector(x.begin() + i * 50, x.begin() + (i + 1) * 50); };
  const auto largest = [](const std::vector<double>& v) {
    return std::abs(*std::ranges::max_element(v, {}, [](double y) { return std::abs(y); }));
  };
  CHECK(std::ranges::all_of(row(1), [](double y) { return y > 0 && y < 1; }));
  CHECK(largest(row(2)) > largest(row(0)));
  CHECK(std::ranges::count(row(3), 0.0) > 25);
  CHECK(std::ranges::count(row(0), 0.0) == 0);
  CHECK(make_probe(graph, 7).inputs == probe.inputs);
  CHECK(make_probe(graph, 8).inputs != probe.inputs);

  json embedding = layer("Embedding", {{"input_dim", 3}, {"output_dim", 2}}, "e");
  const Graph words = read_keras_config(sequential({40}, {embedding}).dump());
  const auto ids = values_of(make_probe(words, 1).inputs.at(0));
  for (const double id : {0.0, 1.0, 2.0}) CHECK(std::ranges::count(ids, id) > 0);
  CHECK(std::ranges::all_of(ids, [](double id) { return id == 0 || id == 1 || id == 2; }));
}

TEST_SUITE_END();

}  // namespace ckpt
