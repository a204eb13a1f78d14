// Is every numbered case of the scope rules tested, or listed as one that cannot be?

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

// Parts A to I and K of the rules, and what of L is in C++.
constexpr const char* kCases =
    "A1 A2 A3 A4 A5 A6 A9 A10 A11 A17 A18 A19 A20 A21 A22 A24 A25 "
    "B26 B27 B28 B32 B33 B34 B35 B37 B38 B39 B41 B42 B43 B45 B46 B47 "
    "C51 C52 C53 C54 C56 C59 C60 C61 C62 C63 C65 C67 C68 C69 C70 C73 C74 "
    "D77 D79 D80 D81 D83 D84 D85 D86 D87 D88 D90 D91 D92 D93 D96 D99 D100 D103 "
    "E104 E107 E108 E110 E111 E114 "
    "F116 F117 F118 F122 F124 F125 F126 F127 "
    "G130 G131 G132 G133 G134 G135 G136 G137 G138 G139 G140 G142 G143 G144 "
    "H145 H146 H147 H149 H150 H151 H152 H153 H154 H155 H161 H162 H163 H164 H165 H167 "
    "I169 I174 I176 I177 I178 I179 "
    "K189 K191 K192 K195 K196 K197 K198 K201 K202 K203 K204 K205 K206 K208 K209 K210 K211 K212 "
    "K213 K214 K216 "
    "L222 L225 L228 L230";

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Adds the words of a list like "B27, B28" to `found`.
void add_words(std::string list, std::set<std::string>& found) {
  for (char& c : list) {
    if (c == ',' || c == '|') c = ' ';
  }
  std::istringstream words(list);
  for (std::string word; words >> word;) found.insert(word);
}

// What stands between each `begin` and the next `end` in the text.
void add_between(const std::string& text, const std::string& begin, char end,
                 std::set<std::string>& found) {
  for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    at += begin.size();
    add_words(text.substr(at, text.find(end, at) - at), found);
  }
}

}  // namespace

TEST_SUITE("scope/cases") {
  TEST_CASE("every numbered case of the scope rules has a test or a reason") {
    const fs::path here = fs::path(CKPT_FIXTURES).parent_path() / "tests/scope";
    std::set<std::string> tested;
    for (const auto& file : fs::directory_iterator(here)) {
      if (file.path().filename() == "cases_test.cc" || file.path().extension() != ".cc") continue;
      add_between(text_of(file.path()), "TEST_CASE(\"", ':', tested);
    }
    std::set<std::string> listed;
    add_between(text_of(here / "README.md"), "\n| ", '|', listed);
    std::istringstream cases(kCases);
    int count = 0;
    for (std::string number; cases >> number; ++count) {
      CAPTURE(number);
      CHECK_NE(tested.contains(number), listed.contains(number));
    }
    CHECK(count == 143);
  }
}
