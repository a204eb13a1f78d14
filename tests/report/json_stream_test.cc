#include "report/json_stream.h"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

using namespace ckpt;

TEST_SUITE("report/json_stream") {
  TEST_CASE("members come in the order they are said, on lines or inline as asked") {
    std::string text;
    const Output out = [&](std::string_view piece) { text += piece; };
    JsonStream json(out);
    json.begin_object(JsonStream::Form::kLines);
    json.key("a").value(1).key("b").begin_array().value("x").value(true).null().end_array();
    json.key("c").begin_array(JsonStream::Form::kLines);
    json.begin_object().key("d").value(std::uint64_t{18446744073709551615U}).end_object();
    json.begin_object().end_object();
    json.end_array();
    json.key("e").begin_array(JsonStream::Form::kLines).end_array();
    json.end_object();
    CHECK(text ==
          "{\n"
          "  \"a\": 1,\n"
          "  \"b\": [\"x\", true, null],\n"
          "  \"c\": [\n"
          "    {\"d\": 18446744073709551615},\n"
          "    {}\n"
          "  ],\n"
          "  \"e\": []\n"
          "}\n");
  }

  TEST_CASE("another parser reads every text and number back") {
    std::string all;
    for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
    all += "größe \xf0\x9f\x98\x80";
    std::string text;
    const Output out = [&](std::string_view piece) { text += piece; };
    JsonStream json(out);
    json.begin_array().value(all).value(0.1).value(-1e300);
    json.value(std::numeric_limits<double>::quiet_NaN()).value("\xff").end_array();
    const auto parsed = nlohmann::json::parse(text);
    CHECK(parsed[0].get<std::string>() == all);
    CHECK(parsed[1].get<double>() == 0.1);
    CHECK(parsed[2].get<double>() == -1e300);
    CHECK(parsed[3] == "nan");
    CHECK(parsed[4] == "\xef\xbf\xbd");
  }
}
