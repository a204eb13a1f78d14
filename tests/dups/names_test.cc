#include <doctest/doctest.h>

#include "core/text.h"
#include "dups/finding_help.h"
#include "dups/likeness.h"
#include "dups/twin_groups.h"
#include "scope/initializer.h"
#include "support/scorecard.h"
#include "support/trainee.h"

using namespace ckpt;

namespace {

Tensor counting(const Shape& shape, double start) {
  std::vector<double> values(*num_elements(shape));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = start + static_cast<double>(i * i % 97) * 0.1;
  }
  return tensor_of(DType::kF32, shape, values);
}

Sample sample(const Tensor& tensor) {
  return {.values = values_of(tensor), .whole = true, .count = values_of(tensor).size()};
}

Finding only(const MemoryCheckpoint& checkpoint) {
  const auto findings = find_in(checkpoint).findings;
  REQUIRE(findings.size() == 1);
  return findings.front();
}

}  // namespace

TEST_SUITE("dups/names") {
  TEST_CASE("a wrapper's prefix on all names is stripped, also where names have dots in slashes") {
    for (const char separator : {'.', '/'}) {
      MemoryCheckpoint c;
      c.separator = separator;
      c.add("module._orig_mod.a.weight", counting({4, 5}, 1));
      c.add("module._orig_mod.b.weight", counting({5, 6}, 2));
      const Finding f = only(c);
      CHECK(f.code == FindingCode::kWrapperPrefix);
      CHECK(f.confidence == Confidence::kStrong);
      CHECK(f.rules == std::vector<std::string>{separator == '.'
                                                    ? "module._orig_mod. = ."
                                                    : "module._orig_mod.{rest} = {rest}"});
      CHECK(f.evidence ==
            std::vector<std::string>{
                "all 2 variables are in module._orig_mod., which is what a wrapper puts before "
                "names"});
    }
    MemoryCheckpoint hub;
    hub.add("module/a/weights", counting({4, 5}, 1));
    hub.add("module/b/weights", counting({5, 6}, 2));
    CHECK(only(hub).confidence == Confidence::kPossible);
  }

  TEST_CASE("a scope inside itself is likely a repeat where it repeats, else possibly one") {
    MemoryCheckpoint c;
    c.add("a/k", counting({4, 5}, 1));
    c.add("a/a/k", counting({4, 5}, 2));
    CHECK(only(c).confidence == Confidence::kLikely);
    CHECK(only(c).rules == std::vector<std::string>{"a/a/{_:path} = -"});
    MemoryCheckpoint alone;
    alone.add("a/a/k", counting({4, 5}, 2));
    CHECK(only(alone).confidence == Confidence::kPossible);
    CHECK(only(alone).rules == std::vector<std::string>{"a/a/ = a/"});
  }

  TEST_CASE("numbers that start late are possibly drift; old Keras counts from 1") {
    MemoryCheckpoint c;
    c.add("dense_37/kernel", counting({4, 5}, 1));
    c.add("dense_38/kernel", counting({5, 6}, 2));
    const Finding f = only(c);
    CHECK(f.code == FindingCode::kCounterDrift);
    CHECK(f.confidence == Confidence::kPossible);
    CHECK(f.rules == std::vector<std::string>{"dense_37/ = dense/", "dense_38/ = dense_1/"});
    MemoryCheckpoint keras;
    keras.add("dense_1/kernel", counting({4, 5}, 1));
    CHECK(find_in(keras).findings.empty());
  }

  TEST_CASE("replicas by name are dropped, and equal rows of every variable are told") {
    MemoryCheckpoint c;
    c.add("w", counting({4, 5}, 1));
    c.add("w/replica_1", counting({4, 5}, 1));
    const Finding f = only(c);
    CHECK(f.code == FindingCode::kReplica);
    CHECK(f.rules == std::vector<std::string>{"w/replica_1 = -"});
    CHECK(f.keep == std::vector<std::size_t>{0});

    MemoryCheckpoint rows;
    for (std::int64_t i = 0; i < 4; ++i) {
      std::vector<double> values;
      for (int r = 0; r < 8; ++r) {
        for (int k = 0; k < 20 + i; ++k) values.push_back(k * 0.3 + static_cast<double>(i));
      }
      rows.add(cat("v", i), tensor_of(DType::kF32, {8, 20 + i}, values));
    }
    CHECK(only(rows).confidence == Confidence::kStrong);
    CHECK(only(rows).evidence[0] ==
          "each variable has 8 rows along its first axis, and all of them are the same");
    rows.variables[3].tensor.bytes.back() ^= std::byte{1};
    CHECK(find_in(rows).findings.empty());
  }

  TEST_CASE("names that differ in case alone, aliases and averages are told on request") {
    MemoryCheckpoint c;
    c.add("Kernel", counting({4, 5}, 1));
    c.add("kernel", counting({4, 6}, 2));
    CHECK(only(c).code == FindingCode::kNameClash);
    MemoryCheckpoint alias;
    alias.add("a", counting({4, 5}, 1));
    alias.variables[0].aliases = {"b"};
    CHECK(only(alias).confidence == Confidence::kExplained);
    MemoryCheckpoint average;
    average.add("a", counting({4, 5}, 1));
    average.add("a/ExponentialMovingAverage", counting({4, 5}, 2));
    CHECK(only(average).code == FindingCode::kAverageShadow);
    CHECK(only(average).rules == std::vector<std::string>{"a/ExponentialMovingAverage = -"});
  }

  TEST_CASE("a second optimizer that was never used leaves slots that are likely too many") {
    MemoryCheckpoint c;
    c.add("w", counting({4, 5}, 1));
    for (const char* slot : {"w/Adam", "w/Adam_1"}) c.add(slot, counting({4, 5}, 3));
    CHECK(find_in(c).findings.empty());
    const Tensor zeros = tensor_of(DType::kF32, {4, 5}, std::vector<double>(20, 0));
    for (const char* slot : {"w/Adam_2", "w/Adam_3"}) c.add(slot, zeros);
    CHECK(only(c).code == FindingCode::kOrphanSlot);
    CHECK(only(c).confidence == Confidence::kLikely);
    CHECK(only(c).rules == std::vector<std::string>{"w/Adam_2 = -", "w/Adam_3 = -"});
  }

  TEST_CASE("every initializer is recognised on its first values, and none after training") {
    const Shape shape{60, 40};
    const std::pair<const char*, const char*> known[] = {
        {"glorot_uniform", "Glorot, uniform"},
        {"he_normal", "He, truncated normal"},
        {"random_uniform", "0.05 uniform, uniform"},
        {"orthogonal", "orthogonal to rounding"}};
    for (const auto& [name, words] : known) {
      const Likeness likeness =
          likeness_of(shape, sample(Initializer::parse(name)->make(shape, DType::kF32, 3, "w")));
      CAPTURE(likeness.words);
      CHECK(likeness.look == Look::kInitial);
      CHECK(likeness.words.find(words) != std::string::npos);
    }
    Trainee net(4);
    Variable& w = net.store.get_variable("w", {.shape = shape});
    net.initialize();
    net.train({&w}, 2.5);
    CHECK(likeness_of(shape, sample(w.value())).look == Look::kMoved);
    CHECK(likeness_of({4}, sample(tensor_of(DType::kF32, {4}, {0, 0, 0, 0}))).words == "all 0");
    CHECK(likeness_of({4}, sample(tensor_of(DType::kF32, {4}, {0, 0, 0, 1}))).look == Look::kMoved);
    CHECK(likeness_of({2, 2}, sample(tensor_of(DType::kF32, {2, 2}, {1, 2, 3, 4}))).look ==
          Look::kSilent);
  }

  TEST_CASE("words of roles are whole words") {
    for (const char* word : {"target", "target_q_func", "momentum_encoder", "encoder_k"}) {
      CHECK(is_role_word(word));
    }
    for (const char* word : {"targeted", "dense_1", "block_k2", "kernel"}) {
      CHECK_FALSE(is_role_word(word));
    }
  }

  TEST_CASE("each code has its help, with a program before and after") {
    for (int i = 0; i < kFindingCodeCount; ++i) {
      const auto code = static_cast<FindingCode>(i);
      const std::string help(help_of(code));
      INFO(help);
      CHECK(help.starts_with(cat(name_of(code), ": ")));
      for (const char* part :
           {"\n  before   ", "\n  after    ", "\nThe file: ", "\nNo mistake: "}) {
        CHECK(help.find(part) != std::string::npos);
      }
      CHECK(parse_finding_code(name_of(code)) == code);
    }
  }
}
