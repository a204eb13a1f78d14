#include "remap/outcome_view.h"

#include <doctest/doctest.h>

#include "core/text.h"
#include "remap/tensor_ops.h"
#include "support/error_of.h"
#include "support/remap.h"

using namespace ckpt;

namespace {

MemoryCheckpoint sample() {
  MemoryCheckpoint checkpoint;
  checkpoint.add("m/a", make_tensor({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  checkpoint.add("q", make_tensor({1}, std::vector<float>{7}));
  checkpoint.add("k", make_tensor({2}, std::vector<float>{8, 9}));
  checkpoint.add("opt", make_tensor({}, std::vector<float>{10}));
  checkpoint.add("b", make_tensor({1}, std::vector<float>{11}));
  return checkpoint;
}

Receipt receipt_of(const Reader& reader, const Strings& texts) {
  const Rules rules = parse_rules(texts, '/');
  const Plan plan = make_plan(reader.index().entries, rules);
  CHECK(join(messages_of(plan), "; ") == "");
  return make_receipt(plan, rules);
}

}  // namespace

TEST_SUITE("remap/outcome_view") {
  TEST_CASE("a remap's outcome is seen with its names, shapes and values") {
    const MemoryCheckpoint checkpoint = sample();
    const auto reader = open_memory(checkpoint);
    const Receipt receipt = receipt_of(
        *reader, {"m/a = x/a | permute(1,0)", "q + k = qk | concat(0)", "opt = -", "b = c"});
    const auto view = view_outcome(*reader, receipt);
    Strings names;
    for (const Entry& entry : view->index().entries) {
      names.push_back(cat(entry.name, " ", to_string(entry.shape)));
    }
    CHECK(names == Strings{"c [1]", "x/a [3, 2]", "qk [3]"});
    CHECK(view->read(*view->find("x/a")) ==
          make_tensor({3, 2}, std::vector<float>{1, 4, 2, 5, 3, 6}));
    CHECK(view->read(*view->find("qk")) == make_tensor({3}, std::vector<float>{7, 8, 9}));
    CHECK(view->read(*view->find("c")) == make_tensor({1}, std::vector<float>{11}));
    const auto origins = origins_of(receipt);
    CHECK(origins.at("qk") == Strings{"q", "k"});
    CHECK(origins.at("c") == Strings{"b"});
    CHECK(origins.size() == 3);
  }

  TEST_CASE("a receipt of another checkpoint is refused, with what does not fit") {
    const MemoryCheckpoint checkpoint = sample();
    const auto reader = open_memory(checkpoint);
    Receipt receipt = receipt_of(*reader, {"m/a = x/a | permute(1,0)", "b = c"});
    MemoryCheckpoint other = checkpoint;
    other.variables[0].tensor = make_tensor({1}, std::vector<float>{1});
    other.variables.pop_back();
    const auto other_reader = open_memory(other);
    CHECK(error_of([&] { view_outcome(*other_reader, receipt); }) ==
          "'b' is not there; 'm/a' is f32 [1], not f32 [2, 3]");
    CHECK(error_code_of([&] { view_outcome(*other_reader, receipt); }) == Errc::kConflict);
    // A receipt that contradicts itself would have a tensor read past its end.
    receipt.changes[0].to[0].spec.shape = {300, 2};
    CHECK(error_of([&] { view_outcome(*reader, receipt); }) ==
          "the operations of the receipt do not give 'x/a' as it says");
    receipt.changes.clear();
    receipt.moves = {{"b", "q"}};
    CHECK(error_of([&] { view_outcome(*reader, receipt); }) == "two variables would be called 'q'");
  }
}
