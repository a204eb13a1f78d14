#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "checkpoint/memory_checkpoint.h"
#include "report/listing_json.h"
#include "report/listing_text.h"
#include "report/units.h"
#include "support/error_of.h"

using namespace ckpt;

namespace {

MemoryCheckpoint example() {
  MemoryCheckpoint checkpoint;
  const auto zeros = [](Shape shape) {
    const std::vector<float> values(num_elements(shape).value());
    return make_tensor(std::move(shape), values);
  };
  for (const char* layer : {"layer_0", "layer_1", "layer_2"}) {
    const std::string scope = std::string("encoder/") + layer;
    checkpoint.add(scope + "/dense/kernel", zeros({8, 8}));
    checkpoint.add(scope + "/dense/kernel/Adam", zeros({8, 8}));
    checkpoint.add(scope + "/dense/bias", zeros({8}));
  }
  checkpoint.add("embed/w", zeros({300, 8}));
  checkpoint.variables.back().aliases = {"logits/w"};
  checkpoint.add("step", zeros({}));
  return checkpoint;
}

std::string text_of(const ListingRequest& request, const ListingText& how,
                    const MemoryCheckpoint& checkpoint = example()) {
  const auto reader = open_memory(checkpoint);
  std::string text;
  print_listing(*reader, make_listing(reader->index(), request), request, "m", how,
                [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace

TEST_SUITE("report/listing") {
  TEST_CASE("the tree shows scopes with their sums, slots in one line, aliases with their target") {
    CHECK(text_of({}, {.show_path = true}) ==
          "m: memory, native, 11.0 KiB\n"
          "encoder/                           216    864 B\n"
          "  layer_0/dense/                    72    288 B\n"
          "    kernel        f32  [8, 8]       64    256 B\n"
          "    bias          f32  [8]           8     32 B\n"
          "  layer_1/dense/                    72    288 B\n"
          "    kernel        f32  [8, 8]       64    256 B\n"
          "    bias          f32  [8]           8     32 B\n"
          "  layer_2/dense/                    72    288 B\n"
          "    kernel        f32  [8, 8]       64    256 B\n"
          "    bias          f32  [8]           8     32 B\n"
          "embed/                           2,400  9.4 KiB\n"
          "  w               f32  [300, 8]  2,400  9.4 KiB\n"
          "logits/\n"
          "  w               f32  [300, 8]                  = embed/w\n"
          "step              f32  []            1      4 B\n"
          "total: 8 variables, 2,617 parameters, 10.2 KiB\n"
          "optimizer slots: 3 variables, 192 parameters, 768 B (--slots shows them)\n");
  }

  TEST_CASE("runs collapse, a name that is scope and variable has both rows, slots are shown") {
    CHECK(text_of({.scope = "encoder", .slots = true, .collapse = true}, {}) ==
          "encoder/                      408  1.6 KiB\n"
          "  layer_{0..2}/               408  1.6 KiB  × 3\n"
          "    dense/                    136    544 B\n"
          "      kernel     f32  [8, 8]   64    256 B\n"
          "      kernel/                  64    256 B\n"
          "        Adam     f32  [8, 8]   64    256 B\n"
          "      bias       f32  [8]       8     32 B\n"
          "total: 9 variables, 408 parameters, 1.6 KiB\n");
  }

  TEST_CASE("a depth cuts the tree and keeps the sums") {
    CHECK(text_of({.depth = 1}, {}) ==
          "encoder/             216    864 B\n"
          "embed/             2,400  9.4 KiB\n"
          "logits/\n"
          "step      f32  []      1      4 B\n"
          "total: 8 variables, 2,617 parameters, 10.2 KiB\n"
          "optimizer slots: 3 variables, 192 parameters, 768 B (--slots shows them)\n");
  }

  TEST_CASE("flat, by size, only what the glob matches") {
    const ListingRequest request{.globs = {"**/kernel", "embed/*"},
                                 .sort = ListingRequest::Sort::kSize};
    CHECK(text_of(request, {.flat = true}) ==
          "embed/w                       f32  [300, 8]  2,400  9.4 KiB  also logits/w\n"
          "encoder/layer_0/dense/kernel  f32  [8, 8]       64    256 B\n"
          "encoder/layer_1/dense/kernel  f32  [8, 8]       64    256 B\n"
          "encoder/layer_2/dense/kernel  f32  [8, 8]       64    256 B\n"
          "total: 4 variables, 2,592 parameters, 10.1 KiB\n");
  }

  TEST_CASE("no line is wider than the terminal") {
    for (const std::size_t width : {60U, 80U, 120U}) {
      std::string text = text_of({.slots = true}, {.style = {.width = width}, .flat = true});
      text.resize(text.rfind("total:"));
      for (std::size_t from = 0; from < text.size();) {
        const auto end = text.find('\n', from);
        CHECK(display_width(std::string_view(text).substr(from, end - from)) <= width);
        from = end + 1;
      }
    }
  }

  TEST_CASE("very deep names stay readable: chains share a row, deeper rows count their levels") {
    MemoryCheckpoint checkpoint;
    std::string name = "s";
    for (int i = 0; i < 40; ++i) {
      checkpoint.add(name + "/w", make_tensor({}, std::vector<float>{1}));
      name += "/s";
    }
    const std::string text = text_of({}, {}, checkpoint);
    CHECK(text.find("\n" + std::string(60, ' ') + "(+9) s/") != std::string::npos);
    MemoryCheckpoint chain;
    chain.add("a/b/c/d/w", make_tensor({}, std::vector<float>{1}));
    CHECK(text_of({}, {}, chain).starts_with("a/b/c/d/           1  4 B\n"));
  }

  TEST_CASE("names with control characters are escaped and colours only come when asked") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("a\x1b[31m\n", make_tensor({}, std::vector<float>{1}));
    CHECK(text_of({}, {}, checkpoint).find('\x1b') == std::string::npos);
    CHECK(text_of({}, {}, checkpoint).starts_with("a\\x1b[31m\\n  f32  []  1  4 B\n"));
    CHECK(text_of({}, {.style = {.color = true}}, checkpoint).find("\x1b[36mf32\x1b[0m") !=
          std::string::npos);
  }

  TEST_CASE("a scope that is not there is answered with the nearest") {
    CHECK(error_of([] { text_of({.scope = "encodr"}, {}); }) ==
          "no scope or variable 'encodr' in it; did you mean 'encoder'?");
  }

  TEST_CASE("JSON has every key that scripts rely on, slots too, and exact names") {
    MemoryCheckpoint checkpoint = example();
    checkpoint.add("bad\xff", make_tensor({2}, std::vector<float>{1, 2}));
    const auto reader = open_memory(checkpoint);
    std::string text;
    const Output out = [&](std::string_view piece) { text += piece; };
    JsonStream json(out);
    write_listing(*reader, make_listing(reader->index(), {}), "m.h5", "ckpt test", true, json);
    const auto parsed = nlohmann::ordered_json::parse(text);
    std::vector<std::string> keys;
    for (const auto& [key, value] : parsed.items()) keys.push_back(key);
    CHECK(keys ==
          std::vector<std::string>{"schema", "tool", "input", "variables", "totals", "notes"});
    CHECK(parsed["schema"] == "ckpt/ls/1");
    CHECK(parsed["input"].dump() ==
          R"({"path":"m.h5","format":"memory","layout":"native","bytes":11244})");
    REQUIRE(parsed["variables"].size() == 12);
    CHECK(parsed["variables"][1].dump() ==
          R"({"name":"encoder/layer_0/dense/kernel/Adam",)"
          R"("path":["encoder","layer_0","dense","kernel","Adam"],)"
          R"("place":"encoder/layer_0/dense/kernel/Adam","dtype":"f32","shape":[8,8],)"
          R"("parameters":64,"nbytes":256,"role":"slot","aliases":[],)"
          R"("storage":"in memory","stored_bytes":256,"attributes":{}})");
    CHECK(parsed["variables"][9]["aliases"].dump() == R"(["logits/w"])");
    CHECK(parsed["variables"][11]["name_hex"] == "626164ff");
    CHECK(parsed["totals"].dump() == R"({"variables":12,"parameters":2811,"nbytes":11244,)"
                                     R"("slots":{"variables":3,"parameters":192,"nbytes":768}})");
  }

  TEST_CASE("tab-separated values have one line a variable and escape tabs in names") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("a\tb", make_tensor({2, 3}, std::vector<float>(6)));
    const auto reader = open_memory(checkpoint);
    std::string text;
    const Output out = [&](std::string_view piece) { text += piece; };
    print_listing_tsv_header(out);
    print_listing_tsv(*reader, make_listing(reader->index(), {}), "m.h5", out);
    CHECK(text ==
          "file\tname\tdtype\tshape\tparameters\tnbytes\trole\tplace\n"
          "m.h5\ta\\tb\tf32\t2x3\t6\t24\tvariable\ta\\tb\n");
  }
}
