#include "scope/scope_error.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

using ckpt::Errc;
using ckpt::ScopeErrc;
using ckpt::ScopeError;

TEST_SUITE("scope/scope_error") {
  TEST_CASE("each kind of mistake has a word of its own") {
    std::set<std::string_view> words;
    for (int i = 0; i < ckpt::kScopeErrcCount; ++i) {
      const auto word = name_of(static_cast<ScopeErrc>(i));
      CHECK(word.starts_with("E-"));
      CHECK(words.insert(word).second);
    }
    CHECK(name_of(ScopeErrc::kExists) == "E-EXISTS");
    CHECK(name_of(ScopeErrc::kPlainVsPart) == "E-PLAIN-VS-PART");
    CHECK(name_of(ScopeErrc::kSaverDup) == "E-SAVER-DUP");
  }

  TEST_CASE("a scope error is an Error of the code that its kind maps to") {
    CHECK(ScopeError(ScopeErrc::kExists, "a").code() == Errc::kConflict);
    CHECK(ScopeError(ScopeErrc::kMissing, "a").code() == Errc::kNotFound);
    CHECK(ScopeError(ScopeErrc::kNoShape, "a").code() == Errc::kInvalid);
  }

  TEST_CASE("in() puts the place in front and keeps the kind") {
    const ScopeError e = ScopeError(ScopeErrc::kNest, "a").in("model.json");
    CHECK(std::string(e.what()) == "model.json: a");
    CHECK(e.scope_code() == ScopeErrc::kNest);
  }
}
