#include "remap/receipt.h"

#include <doctest/doctest.h>

#include "core/text.h"
#include "support/error_of.h"
#include "support/remap.h"

using namespace ckpt;

namespace {

Receipt receipt_of(const std::vector<Entry>& entries, const Strings& texts) {
  const Rules rules = parse_rules(texts, '/');
  const Plan plan = make_plan(entries, rules);
  CHECK(join(messages_of(plan), "; ") == "");
  return make_receipt(plan, rules);
}

Strings way_back(const Receipt& receipt) {
  Strings out;
  for (const Rule& rule : invert(receipt).rules.rules) out.push_back(print(rule, '/'));
  return out;
}

}  // namespace

TEST_SUITE("remap/receipt") {
  TEST_CASE("a receipt has every pair, every change with its specs, and all that was dropped") {
    Receipt receipt = receipt_of(
        entries_of({{"m/a", {2, 3}}, {"q", {1}}, {"k", {2}}, {"opt", {}, DType::kI64}, {"b"}}),
        {"m/ = /", "q + k = qk | concat(0)", "opt = -"});
    receipt.tool = "ckpt 0.1.0";
    receipt.input = {"in.h5", "HDF5", "native", 4096};
    receipt.output = {"out.h5", "HDF5", "native", 4000};
    receipt.digests = {{"a", "00ff"}};
    CHECK(print_receipt(receipt) == R"json({
  "schema": "ckpt/receipt/1",
  "tool": "ckpt 0.1.0",
  "input": {"path":"in.h5","format":"HDF5","layout":"native","bytes":4096},
  "output": {"path":"out.h5","format":"HDF5","layout":"native","bytes":4000},
  "separator": "/",
  "rules": [
    "m/ = /",
    "q + k = qk | concat(0)",
    "opt = -"
  ],
  "moves": [
    {"from":"m/a","to":"a"}
  ],
  "changes": [
    {"from":[{"name":"q","dtype":"f32","shape":[1]},{"name":"k","dtype":"f32","shape":[2]}],"to":[{"name":"qk","dtype":"f32","shape":[3]}],"ops":["concat(0)"]}
  ],
  "dropped": [
    {"name":"opt","dtype":"i64","shape":[]}
  ],
  "kept": 1,
  "digests": [
    {"name":"a","digest":"00ff"}
  ]
}
)json");
    CHECK(parse_receipt(print_receipt(receipt)) == receipt);
  }

  TEST_CASE("names of any bytes survive") {
    const std::string odd = "a\xff\"\n\\\x01=";
    const Receipt receipt = receipt_of(named({odd, "b"}), {"/ = x/"});
    CHECK(receipt.moves[0].from == odd);
    CHECK(parse_receipt(print_receipt(receipt)) == receipt);
    const Plan back =
        make_plan(named({"x/" + odd, "x/b"}), invert(receipt).rules, way_back_options());
    CHECK(back.moves[0].to == odd);
  }

  TEST_CASE("the way back is one exact rule for each name, with sizes and types from the receipt") {
    CHECK(way_back(receipt_of(entries_of({{"q", {1}}, {"k", {2}}}), {"q + k = qk | concat(0)"})) ==
          Strings{"qk = q + k | split(0,1,2)"});
    CHECK(way_back(receipt_of(entries_of({{"a", {2, 3}, DType::kF16}}),
                              {"a = b | reshape(3,-1) | permute(1,0) | cast(f32)"})) ==
          Strings{"b = a | cast(f16) | permute(1,0) | reshape(2,3)"});
    CHECK(way_back(receipt_of(named({"h_1"}), {R"(re:h_(\d) = x/\1)"})) == Strings{"x/1 = h_1"});
    CHECK(way_back(receipt_of(entries_of({{"w", {2, 2}}}), {"w = e/{i}/w | unstack(0, by=i)"})) ==
          Strings{"e/0/w + e/1/w = w | stack(0)"});
    CHECK(way_back(receipt_of(named({"w"}), {"w = a + b | copy"})) == Strings{"a = w", "b = -"});
  }

  TEST_CASE("what does not come back as it was is listed") {
    const auto entries = entries_of({{"a"}, {"b", {2}, DType::kF16}, {"c"}});
    const ReceiptInverse back =
        invert(receipt_of(entries, {"a = a | cast(bf16)", "b = b | cast(f32)", "c = -"}));
    CHECK(back.lossy == Strings{"a"});
    CHECK(back.lost == Strings{"c"});
  }

  TEST_CASE("a text that is no receipt is refused") {
    const auto fault = [](std::string_view json) {
      return error_of([&] { (void)parse_receipt(json); });
    };
    const std::string good = print_receipt(receipt_of(entries_of({{"q", {1}}, {"k", {2}}, {"a"}}),
                                                      {"q + k = qk | concat(0)", "a = b"}));
    CHECK(fault(good) == "no error");
    const auto with = [&](const std::string& what, const std::string& instead) {
      std::string bad = good;
      REQUIRE(bad.find(what) != std::string::npos);
      bad.replace(bad.find(what), what.size(), instead);
      return fault(bad);
    };
    CHECK(with("receipt/1", "receipt/2") ==
          "the schema is \"ckpt/receipt/2\", needed is \"ckpt/receipt/1\"");
    CHECK(with("\"kept\": 0", "\"kept\": -1") == "\"kept\" must be a number that is not negative");
    CHECK(with("\"kept\": 0,", "") == "\"kept\" is missing");
    CHECK(with("\"separator\": \"/\"", "\"separator\": \"\"") ==
          "\"separator\" must be one character");
    CHECK(with("\"to\":\"b\"", "\"to\":1") == "a name must be a string or {\"hex\": …}");
    CHECK(with("\"to\":\"b\"", "\"to\":{\"hex\":\"f\"}") == "\"hex\" has an odd number of digits");
    CHECK(with("\"to\":\"b\"", "\"to\":{\"hex\":\"xx\"}") == "\"hex\" has 'x'");
    CHECK(with("\"dtype\":\"f32\"", "\"dtype\":\"f31\"") == "there is no dtype \"f31\"");
    CHECK(with("\"shape\":[1]", "\"shape\":[-1]") ==
          "\"shape\" must be an array of numbers that are not negative");
    CHECK(with("concat(0)\"]", "conca(0)\"]") ==
          "column 1: 'conca' is no operation; did you mean 'concat'?\n  conca(0)\n  ^");
    CHECK(with("\"dropped\"", "\"droped\"") ==
          "the key \"droped\" is unknown; did you mean 'dropped'?");
    CHECK(with("\"input\": {", "\"input\": {\"path\": \"\", ").find("there twice") !=
          std::string::npos);
  }
}
