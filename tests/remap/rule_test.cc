#include "remap/rule.h"

#include <doctest/doctest.h>

#include "support/error_of.h"

using namespace ckpt;

namespace {

std::string reprinted(std::string_view text, char separator = '/') {
  const Rule rule = parse_rule(text, separator);
  const std::string printed = print(rule, separator);
  CHECK_MESSAGE(parse_rule(printed, separator) == rule, printed);
  return printed;
}

std::string rule_fault(std::string_view text, char separator = '/') {
  return error_of([&] { (void)parse_rule(text, separator); });
}

}  // namespace

TEST_SUITE("remap/rule") {
  TEST_CASE("every form of the language parses, and prints as it was written") {
    for (const char* text : {
             "a/b/kernel = x/y/kernel",
             "module/ = /",
             "/ = backbone/",
             "old/scope/ = new/",
             "layer_{i:int}/{p}/kernel = h/{i}/{p}/w",
             "{p:path}/bias = {p}/b",
             "conv{i:int}/kernel = c.{i}.weight | permute(3,2,0,1)",
             "h.{i:int}.q + h.{i}.k + h.{i}.v = h.{i}.qkv | concat(0)",
             "h.{i:int}.qkv = h.{i}.q + h.{i}.k + h.{i}.v | split(0)",
             "h.{i:int}.qkv = h.{i}.q + h.{i}.k + h.{i}.v | split(0,768,64,64) ?",
             "{p:path} = {p} | cast(f16)",
             "opt/{_:path} = -",
             "opt/ = -",
             "dense_{i:int}/ = head/{i}/",
             "experts/{e:int}/w = experts/w | stack(0,by=e)",
             "experts/w = experts/{e:int}/w | unstack(0,by=e)",
             "experts/w = experts/{e:int}/w | split(0,2,2,by=e)",
             "a = b + c | copy",
             "a + b = c | permute(1,0) | stack(-1) | reshape(4,-1) | cast(bf16)",
             "a = b | reshape()",
             "{a:path}/{_}/{_} = {a} ?",
             "a = \\-",
             "a\\=b\\{c\\}\\?\\|d\\\\ = e\\+f",
             "two words = \\ spaces at both ends\\ ",
             "re\\:x = y",
             R"(re:(.*)_v(\d+) = \1/v\2)",
             R"(re:a{2}=?(b|c)+ = \0\=x ?)",
             "re:tmp_.* = -",
         }) {
      CHECK(reprinted(text) == text);
    }
    CHECK(reprinted("module. = .", '.') == "module. = .");
    CHECK(reprinted(R"(re:^h\.(\d+)\. = layers.\1.)", '.') == R"(re:^h\.(\d+)\. = layers.\1.)");
  }

  TEST_CASE("spaces around names and operations are free, and plain renames need none") {
    CHECK(reprinted("module/=/") == "module/ = /");
    CHECK(reprinted("dense_{i:int}/=head/{i}/") == "dense_{i:int}/ = head/{i}/");
    CHECK(reprinted("  a=b  |  permute( 1, 0 )  ?  ") == "a = b | permute(1,0) ?");
    CHECK(reprinted("a+b=c") == "a\\+b = c");
    CHECK(reprinted("w=w/{e} | unstack(0, by=e)") == "w = w/{e:int} | unstack(0,by=e)");
  }

  TEST_CASE("a placeholder's type holds for all of its occurrences") {
    const Rule rule = parse_rule("h.{i}.q + h.{i:int}.k = h.{i:int}.qk | concat(0)", '.');
    REQUIRE(rule.placeholders.size() == 1);
    CHECK(rule.placeholders[0].type == PlaceholderType::kInt);
    CHECK(print(rule, '.') == "h.{i:int}.q + h.{i}.k = h.{i}.qk | concat(0)");
  }

  TEST_CASE("an error says what was expected, at which column, and shows it") {
    CHECK(rule_fault("a = b | permut(1,0)") ==
          "column 9: 'permut' is no operation; did you mean 'permute'?\n"
          "  a = b | permut(1,0)\n"
          "          ^");
    CHECK(rule_fault("module/") ==
          "column 8: expected '=' and the new name\n  module/\n         ^");
    CHECK(rule_fault("größe/{i:itn} = x/{i}") ==
          "column 8: expected int or path behind ':', found 'itn'\n"
          "  größe/{i:itn} = x/{i}\n"
          "         ^");
    CHECK(
        rule_fault("a/ = b") ==
        "column 6: expected a scope that ends in '/', as the other side does\n  a/ = b\n       ^");
    CHECK(rule_fault("a = b/") ==
          "column 5: a name does not end in '/'; for a scope, the other side must end in it too\n"
          "  a = b/\n      ^");
    CHECK(rule_fault("a/{i} = b/{j}") ==
          "column 12: {j} is not on the left, so it stands for nothing\n"
          "  a/{i} = b/{j}\n             ^");
  }

  TEST_CASE("each fault has its sentence") {
    const auto sentence = [](std::string_view text) {
      const std::string whole = rule_fault(text);
      return whole.substr(0, whole.find('\n'));
    };
    CHECK(sentence("") == "column 1: expected '=' and the new name");
    CHECK(sentence("a =") ==
          "column 4: expected a name, a scope that ends in '/', or '/' alone for the root, or '-'");
    CHECK(sentence("= b") ==
          "column 1: expected a name, a scope that ends in '/', or '/' alone for the root");
    CHECK(sentence("a = b = c") == "column 7: a '=' without meaning; write \\= for one in a name");
    CHECK(
        sentence("a = b?") ==
        "column 6: a '?' that makes the rule optional stands behind a space at its end; write \\? "
        "for one in a name");
    CHECK(sentence("a} = b") == "column 2: a '}' without meaning; write \\} for one in a name");
    CHECK(sentence("a{x = b") == "column 4: expected '}'; write \\{ for a brace in a name");
    CHECK(sentence("a{1} = b") ==
          "column 3: expected a placeholder such as {x}, {x:int} or {x:path}, found '{1}'; write "
          "\\{ for a brace in a name");
    CHECK(sentence("a{x:} = b") == "column 5: expected int or path behind ':'");
    CHECK(sentence("a{x:int}{y} = b{x}{y}") ==
          "column 9: two placeholders need some text between them");
    CHECK(sentence("{x:int}/{x:path} = {x}") ==
          "column 10: {x} has another type elsewhere in the rule");
    CHECK(sentence("{_} = {_}") == "column 8: {_} stands for nothing on the right; give it a name");
    CHECK(sentence("/a = b") == "column 1: a name does not begin with '/'");
    CHECK(sentence("a = b |cast(f16)") ==
          "column 7: a '|' that divides needs a space on both sides; write \\| for one in a name");
    CHECK(sentence("a = b|cast(f16)") ==
          "column 6: a '|' that divides needs a space on both sides; write \\| for one in a name");
    CHECK(sentence("a +b = c | concat(0)") ==
          "column 3: a '+' that divides needs a space on both sides; write \\+ for one in a name");
    CHECK(sentence("a + b = c") ==
          "column 10: several sources need an operation that joins them, such as concat(0)");
    CHECK(sentence("a = b + c") ==
          "column 10: several targets need an operation that divides, such as split(0), or copy");
    CHECK(sentence("a = b | concat(0)") ==
          "column 9: concat joins two sources or more, 'a + b = c', or those that a placeholder "
          "counts, by=x");
    CHECK(sentence("a = b | split(0)") ==
          "column 9: split makes two targets or more, 'a = b + c', or those that a placeholder "
          "counts, by=x");
    CHECK(sentence("a + b = c + d | split(0)") ==
          "column 17: split divides one tensor, not several");
    CHECK(sentence("a = - | cast(f16)") == "column 9: what is dropped needs no operation");
    CHECK(sentence("a + b = -") == "column 5: what is dropped is written one rule a name");
    CHECK(sentence("a + a = b | concat(0)") == "column 5: the same name is there twice");
    CHECK(sentence("{x}/a + {y}/b = {x} | concat(0)") ==
          "column 9: all sources of a rule need the same placeholders");
    CHECK(sentence("a{i}/w = w | stack(0, by=i)") ==
          "column 14: {i} counts, so it must be {i:int}");
    CHECK(sentence("a{i:int}/w = w{i} | stack(0, by=i)") ==
          "column 21: {i} counts the sources, so it must stand on the left only");
    CHECK(sentence("w = w/{i} | split(0, by=i)") ==
          "column 13: expected the sizes of the parts, as in split(0,64,64,by=i)");
    CHECK(sentence("a = b |") == "column 8: expected an operation, such as cast(f16)");
    CHECK(sentence("a = b | cast") == "column 13: expected a dtype, as in cast(f16)");
    CHECK(sentence("a = b | cast(f17)") ==
          "column 14: expected a dtype, found 'f17'; did you mean 'f16'?");
    CHECK(sentence("a = b | cast(f16, f32)") == "column 19: expected ')'");
    CHECK(sentence("a = b | permute") == "column 16: expected dimensions, as in permute(1,0)");
    CHECK(sentence("a = b | permute(0,0)") == "column 19: dimension 0 is there twice");
    CHECK(sentence("a = b | permute(0,2)") ==
          "column 19: expected a dimension from 0 to 1, found 2");
    CHECK(sentence("a = b | permute(0,x)") == "column 19: expected a number, found 'x'");
    CHECK(sentence("a = b | permute(0,") == "column 19: expected ')'");
    CHECK(sentence("a = b | permute(0,,1)") == "column 19: expected an argument");
    CHECK(sentence("a = b | cast(f16) x") == "column 19: expected '|', '?' or the end of the rule");
    CHECK(sentence("a = b | reshape(-1,-1)") == "column 20: only one extent may be -1");
    CHECK(sentence("a = b | reshape(-2)") ==
          "column 17: expected an extent, or -1 for what is left");
    CHECK(sentence("a + b = c | concat()") == "column 20: expected an axis, as in concat(0)");
    CHECK(sentence("a = b + c | split(0,-1,2)") == "column 21: a size is not negative");
    CHECK(
        sentence("a\\b = c") ==
        "column 2: a backslash stands before one of = { } ? + | - : \\ or a space; write \\\\ for "
        "a backslash in a name");
    CHECK(sentence("a = c\\") == "column 6: a backslash at the end; write \\\\ for one");
    CHECK(sentence("re:(a = b") ==
          "column 4: not a regular expression that RE2 knows: missing ): (a");
    CHECK(sentence("re:(?=a)b = b") ==
          "column 4: not a regular expression that RE2 knows: invalid perl operator: (?=");
    CHECK(sentence("re: = b") == "column 4: expected a regular expression");
    CHECK(sentence(R"(re:(a) = \2)") ==
          "column 10: there is no group 2 on the left, which has 1 group");
    CHECK(sentence(R"(re:(a) = \1/)") ==
          "column 10: a name does not end in '/'; for a scope, the expression must end in it too");
    CHECK(sentence("re:a = b + c | copy") == "column 12: a regular expression has one target");
    CHECK(sentence("re:a = b | concat(0)") ==
          "column 12: a regular expression cannot join or divide");
  }

  TEST_CASE("a control character in a rule is shown, not sent to the terminal") {
    CHECK(rule_fault("a\x1b[2J/ = b") ==
          "column 13: expected a scope that ends in '/', as the other side does\n"
          "  a\\x1b[2J/ = b\n"
          "              ^");
  }

  TEST_CASE("the number of a wrong rule is said") {
    CHECK(error_of([] {
            (void)parse_rules({"a = b", "a/ = b"}, '/');
          }) ==
          "rule 2: column 6: expected a scope that ends in '/', as the other side does\n"
          "  a/ = b\n       ^");
  }
}
