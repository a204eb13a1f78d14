#include "formats/edit/outcome.h"

#include <doctest/doctest.h>

#include "support/error_of.h"

namespace ckpt {
namespace {

Entry entry(const std::string& name, Shape shape, std::string_view place) {
  return {.name = name,
          .own_place = place,
          .dtype = DType::kF32,
          .shape = std::move(shape),
          .aliases = {}};
}

// Two variables, of which the first has an alias; "b" becomes "c", and "d" is new.
struct Case {
  Index before{.entries = {entry("a", {2, 3}, "data/0"), entry("b", {4}, "data/1")}};
  Index after{.entries = {entry("a", {2, 3}, "data/0"), entry("c", {4}, "data/1"),
                          entry("d", {5}, "data/2")}};
  Edit edit;

  Case() {
    before.entries[0].aliases = after.entries[0].aliases = {"z"};
    edit.moves.push_back({"b", "c"});
    edit.puts.push_back({.spec = {.name = "d", .dtype = DType::kF32, .shape = {5}}});
  }

  std::string fault(Places places = Places::kStay) const {
    const Wishes wishes = resolve(before.entries, edit);
    return error_of([&] { check_outcome(Before(before, places), wishes, edit, after); });
  }
};

std::string differs(const std::string& name) {
  return "what was written reads back as something else: " + name + "; it was taken back";
}

}  // namespace

TEST_SUITE("formats/edit/outcome") {
  TEST_CASE("what the edit asks for is accepted, in any order") {
    Case c;
    CHECK(c.fault() == "no error");
    std::swap(c.after.entries[0], c.after.entries[2]);
    CHECK(c.fault() == "no error");
  }

  TEST_CASE("another type, shape, form or place is refused by name") {
    const auto changed = [](std::size_t i, auto&& change) {
      Case c;
      change(c.after.entries[i]);
      return c.fault();
    };
    CHECK(changed(1, [](Entry& e) { e.dtype = DType::kI32; }) == differs("c"));
    CHECK(changed(1, [](Entry& e) { e.shape = {2, 2}; }) == differs("c"));
    CHECK(changed(1, [](Entry& e) { e.native_dtype = ">f32"; }) == differs("c"));
    CHECK(changed(1, [](Entry& e) { e.own_place = "data/0"; }) == differs("c"));
    CHECK(changed(2, [](Entry& e) { e.dtype = DType::kI32; }) == differs("d"));
    CHECK(changed(2, [](Entry& e) { e.shape = {}; }) == differs("d"));
    CHECK(changed(2, [](Entry& e) { e.native_dtype = ">f32"; }) == differs("d"));
  }

  TEST_CASE("places count only in formats where tensors keep them") {
    Case c;
    c.after.entries[1].own_place = "data/0";
    CHECK(c.fault(Places::kMove) == "no error");
  }

  TEST_CASE("an alias belongs to its variable") {
    Case c;
    std::swap(c.after.entries[0].aliases, c.after.entries[1].aliases);
    CHECK(c.fault() == differs("z"));
  }

  TEST_CASE("a variable too many, one that is there twice and one that is missing are refused") {
    Case more;
    more.after.entries.push_back(entry("b", {4}, "data/1"));
    CHECK(more.fault() == differs("b"));
    Case twice;
    twice.after.entries.push_back(twice.after.entries[1]);
    CHECK(twice.fault() == differs("c"));
    Case fewer;
    fewer.after.entries.pop_back();
    CHECK(fewer.fault() == "what was written reads back without d; it was taken back");
    Case dropped;
    dropped.edit.moves.clear();
    dropped.edit.drops.push_back("b");
    CHECK(dropped.fault() == differs("c"));
    dropped.after.entries.erase(dropped.after.entries.begin() + 1);
    CHECK(dropped.fault() == "no error");
  }
}

}  // namespace ckpt
