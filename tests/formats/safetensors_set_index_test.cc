#include "formats/safetensors/set_index.h"

#include <doctest/doctest.h>

#include "core/text.h"
#include "formats/safetensors/set_record.h"
#include "support/error_of.h"

using namespace ckpt;
using namespace ckpt::safetensors;

namespace {

SetIndex read(std::string_view text) {
  const ByteView bytes = as_byte_view(text);
  return read_set_index(*memory_file(Bytes(bytes.begin(), bytes.end())));
}

}  // namespace

TEST_SUITE("formats/safetensors/set_index") {
  TEST_CASE("rows are read in order, and all else is kept") {
    const SetIndex index = read(
        R"({"weight_map": {"b": "x", "a": "y", "c": "x"}, "metadata": {"weight_map": {"d": 1}}})");
    REQUIRE(index.rows.size() == 3);
    CHECK(index.rows[0].name == "b");
    CHECK(index.rows[1].name == "a");
    CHECK(index.rows[2].name == "c");
    CHECK(index.shards == std::vector<std::string>{"x", "y"});
    CHECK(index.rows[1].shard == 1);
    CHECK(index.rows[2].shard == 0);
    CHECK(index.rest["metadata"].dump() == R"({"weight_map":{"d":1}})");
  }

  TEST_CASE("it is written as JSON libraries print it, with two blanks a level and sorted keys") {
    for (const std::string_view text : {
             R"({"weight_map": {"b": "x", "a\n\"é": "y"}, "z": [1, {"k": []}], "metadata": {}})",
             R"({"a": "two\nlines", "weight_map": {}})",
             R"({"metadata": {"total_size": 48}, "weight_map": {"a": "x"}})",
         }) {
      CHECK(print_set_index(read(text)) == nlohmann::json::parse(text).dump(2) + "\n");
    }
  }

  TEST_CASE("what is no index is refused with the reason") {
    const auto fault = [](std::string_view text) { return error_of([&] { read(text); }); };
    const std::string needed = ", an object from names to shards is needed";
    CHECK(fault("{}") == "weight_map is missing" + needed);
    CHECK(fault("[]") == "weight_map is missing" + needed);
    CHECK(fault(R"({"weight_map": "x"})") == "weight_map is no object" + needed);
    CHECK(fault(R"({"weight_map": ["x"]})") == "weight_map is no object" + needed);
    for (const std::string_view value : {"1", "null", "{}", R"({"b": "x"})", "[]", R"(["x"])"}) {
      CHECK(fault(cat(R"({"weight_map": {"a": )", value, "}}")) ==
            "a: the shard is no string in weight_map");
    }
    CHECK(fault(R"({"weight_map": {"a": "x", "b": "x", "a": "y"}})") ==
          "the index has the key 'a' twice");
    CHECK(fault(R"({"weight_map": {"a": "x"}, "weight_map": {"b": "x"}})") ==
          "the index has the key 'weight_map' twice");
    CHECK(fault(R"({"m": {"a": 1, "a": 2}, "weight_map": {}})") ==
          "the index has the key 'a' twice");
    CHECK(fault(R"({"weight_map": {"a": "x"})") == "the index is no valid JSON at byte 26");
  }

  TEST_CASE("a record that nobody could read back is not written") {
    ChangeRecord record;
    record.decider.assign((std::size_t{64} << 20U) + 1, 'x');
    Blocks out([](ByteView) {});
    CHECK(error_code_of([&] { print_set_record(record, out); }) == Errc::kUnsupported);
  }
}
