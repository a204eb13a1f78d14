#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "core/error.h"
#include "core/text.h"
#include "dups/digest.h"
#include "support/apply_rules.h"
#include "support/error_of.h"
#include "support/scorecard.h"
#include "support/trainee.h"

using namespace ckpt;

namespace {

Tensor noise(const Shape& shape, std::uint64_t seed, DType dtype = DType::kF32) {
  std::mt19937_64 rng(seed);
  std::vector<double> values(*num_elements(shape));
  // A long-tailed distribution, as of trained values.
  for (double& v : values) {
    const double x = std::normal_distribution<double>()(rng);
    v = x * x * x;
  }
  return tensor_of(dtype, shape, values);
}

std::vector<std::string> lines(const MemoryCheckpoint& checkpoint,
                               const DupsRequest& request = {}) {
  std::vector<std::string> out;
  for (const Finding& f : find_in(checkpoint, request).findings) {
    std::string line = cat(name_of(f.confidence), " ", name_of(f.code));
    for (const Member& m : f.members) line += cat(" ", m.name);
    out.push_back(std::move(line));
  }
  return out;
}

// A reader that counts what is read of each entry, and may fail.
class CountingReader final : public Reader {
 public:
  explicit CountingReader(const MemoryCheckpoint& checkpoint)
      : inner_(open_memory(checkpoint)), read_(checkpoint.variables.size()) {}
  [[nodiscard]] const Index& index() const override { return inner_->index(); }
  [[nodiscard]] Details details(std::size_t i) const override { return inner_->details(i); }

  std::optional<Error> error;
  [[nodiscard]] std::uint64_t bytes_of(std::size_t i) const { return read_[i]; }

 private:
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    // Not concurrent: the search has to take turns, or the sanitizer sees a race here.
    if (error) throw *error;
    read_[i] += out.size();
    inner_->read(i, first, out);
  }

  std::unique_ptr<Reader> inner_;
  mutable std::vector<std::uint64_t> read_;
};

}  // namespace

TEST_SUITE("dups/equal") {
  TEST_CASE("scopes with the same bytes are told as scopes, not as forty pairs of variables") {
    MemoryCheckpoint c;
    for (const char* scope : {"net", "net_1"}) {
      for (std::uint64_t i = 0; i < 5; ++i) {
        c.add(cat(scope, "/block/layer_", i, "/kernel"), noise({20, 30}, i));
        c.add(cat(scope, "/block/layer_", i, "/bias"), noise({30}, 90 + i));
      }
    }
    CHECK(lines(c) == std::vector<std::string>{"certain exact-copy net/ net_1/"});
    const Finding f = find_in(c).findings.front();
    CHECK(f.keep == std::vector<std::size_t>{0});
    CHECK(f.why == "its name is the plainer one");
    CHECK(f.rules == std::vector<std::string>{"net_1/{_:path} = -"});
    CHECK(f.nbytes == 5 * (20 * 30 + 30) * 4);
    CHECK(f.evidence ==
          std::vector<std::string>{
              "net_1/ repeats net/: 10 variables of the same names, dtypes and shapes",
              "sizes in and out differ, so the one cannot follow the other in a stack",
              "all 10 tensors have the same bytes", "neither has optimizer slots"});
  }

  TEST_CASE("renaming every scope hides no copy: structure and bytes still find it") {
    MemoryCheckpoint c;
    const char* const one[] = {"ash", "oak", "elm"};
    const char* const two[] = {"zinc", "iron", "lead"};
    for (std::uint64_t i = 0; i < 3; ++i) {
      c.add(cat("wood/", one[i], "/kernel"), noise({20, 30}, i));
      c.add(cat("wood/", one[i], "/bias"), noise({30}, 90 + i));
      c.add(cat("metal/", two[i], "/kernel"), noise({20, 30}, i));
      c.add(cat("metal/", two[i], "/bias"), noise({30}, 90 + i));
    }
    CHECK(join(lines(c), "; ") == "certain exact-copy wood/ metal/");
    CHECK(find_in(c).findings[0].fix == Fix::kOnRequest);
  }

  TEST_CASE("one value that differs makes a copy likely, never certain") {
    MemoryCheckpoint c;
    for (const char* scope : {"net", "net_1"}) {
      c.add(cat(scope, "/a/kernel"), noise({20, 30}, 1));
      c.add(cat(scope, "/b/kernel"), noise({30, 40}, 2));
      c.add(cat(scope, "/c/kernel"), noise({40, 10}, 3));
    }
    c.variables[4].tensor.bytes[5] ^= std::byte{1};
    CHECK(lines(c) == std::vector<std::string>{"likely exact-copy net/ net_1/"});
    CHECK(find_in(c).findings[0].evidence[2] ==
          "all but 1 of 3 tensors have the same bytes, and the rest differ in less than a tenth of "
          "their values");
  }

  TEST_CASE("what differs in its last byte alone is not equal, however large") {
    MemoryCheckpoint c;
    c.add("x/kernel", noise({700, 700}, 1));
    c.add("y/kernel", c.variables[0].tensor);
    CHECK(lines(c) == std::vector<std::string>{"certain tied x/kernel y/kernel"});
    c.variables[1].tensor.bytes.back() ^= std::byte{1};
    CHECK(lines(c).empty());
  }

  TEST_CASE("constant tensors are no evidence, nor are small ones by themselves") {
    MemoryCheckpoint c;
    const Tensor zeros = tensor_of(DType::kF32, {200, 200}, std::vector<double>(40000, 0));
    const Tensor ones = tensor_of(DType::kF32, {200, 200}, std::vector<double>(40000, 1));
    c.add("a/kernel", zeros);
    c.add("b/kernel", zeros);
    c.add("c/kernel", ones);
    c.add("d/kernel", ones);
    c.add("e/bias", noise({10}, 1));
    c.add("f/bias", noise({10}, 1));
    CHECK(lines(c).empty());
    CHECK(lines(c, {.min_bytes = 40}) == std::vector<std::string>{"certain tied e/bias f/bias"});
  }

  TEST_CASE("ramps are no evidence: positions, and biases that count down as the NTM's do") {
    MemoryCheckpoint c;
    std::vector<double> down(128);
    for (std::size_t i = 0; i < down.size(); ++i) down[i] = 128 - static_cast<double>(i);
    c.add("read/bias", tensor_of(DType::kF32, {128}, down));
    c.add("write/bias", tensor_of(DType::kF32, {128}, down));
    CHECK(lines(c).empty());
    down[100] += 0.7;
    for (auto& v : c.variables) v.tensor = tensor_of(DType::kF32, {128}, down);
    CHECK(lines(c) == std::vector<std::string>{"certain tied read/bias write/bias"});
  }

  TEST_CASE("a target network is explained, just after it was synchronised and later") {
    for (const bool is_synced : {true, false}) {
      MemoryCheckpoint c;
      for (std::uint64_t i = 0; i < 3; ++i) {
        c.add(cat("online/l", i, "/kernel"), noise({20, 30}, i));
        c.add(cat("online/l", i, "/bias"), noise({30}, 50 + i));
        c.add(cat("target/l", i, "/kernel"), noise({20, 30}, is_synced ? i : 100 + i));
        c.add(cat("target/l", i, "/bias"), noise({30}, is_synced ? 50 + i : 150 + i));
      }
      CHECK(lines(c) == std::vector<std::string>{"explained dead-branch online/ target/"});
    }
  }

  TEST_CASE("three copies are told one by one, each against the first") {
    MemoryCheckpoint c;
    for (const char* scope : {"net", "net_1", "net_2"}) c.add(cat(scope, "/k"), noise({20, 30}, 1));
    CHECK(lines(c) == std::vector<std::string>{"certain exact-copy net/ net_1/ net_2/"});
    CHECK(find_in(c).findings[0].rules ==
          std::vector<std::string>{"net_1/{_:path} = -", "net_2/{_:path} = -"});
  }

  TEST_CASE("nothing is read of tensors that nobody shares dtype and shape with") {
    MemoryCheckpoint c;
    c.add("lonely", noise({500, 400}, 1));
    c.add("a/x", noise({100, 100}, 2));
    c.add("b/y", noise({100, 100}, 3));
    c.add("half", noise({100, 100}, 2, DType::kF16));
    const CountingReader reader(c);
    const Reader* const readers[] = {&reader};
    CHECK(find_duplicates(readers, {}).compared == 2);
    CHECK(reader.bytes_of(0) == 0);
    CHECK(reader.bytes_of(1) == 4096);
    CHECK(reader.bytes_of(2) == 4096);
    CHECK(reader.bytes_of(3) == 0);
  }

  TEST_CASE("a tensor that cannot be read is a note, a damaged one an error") {
    MemoryCheckpoint c;
    c.add("a/x", noise({100, 100}, 2));
    c.add("b/y", noise({100, 100}, 2));
    CountingReader reader(c);
    const Reader* const readers[] = {&reader};
    reader.error = Error(Errc::kUnsupported, "a/x: encoded with blosc");
    const Duplicates found = find_duplicates(readers, {});
    CHECK(found.findings.empty());
    CHECK(found.notes == std::vector<std::string>(2, "a/x: encoded with blosc"));
    CHECK(found.unread == 2);
    for (int i = 0; i < 10; ++i) c.add(cat("more/", i), noise({100, 100}, 2));
    CountingReader many(c);
    many.error = reader.error;
    const Reader* const of_many[] = {&many};
    const Duplicates most = find_duplicates(of_many, {});
    CHECK(most.unread == 12);
    REQUIRE(most.notes.size() == 5);
    CHECK(most.notes.back() == "a/x: encoded with blosc; so it is with 7 more variables");
    reader.error = Error(Errc::kCorrupt, "a/x: damaged");
    CHECK(error_of([&] { (void)find_duplicates(readers, {}); }) == "a/x: damaged");
  }

  TEST_CASE("copies after a cast are silent unless --near asks, and then nothing is dropped") {
    MemoryCheckpoint c;
    const Tensor full = noise({40, 50}, 1);
    c.add("net/kernel", full);
    c.add("export/kernel", tensor_of(DType::kF16, {40, 50}, values_of(full)));
    CHECK(lines(c).empty());
    CHECK(lines(c, {.near = true}) ==
          std::vector<std::string>{"likely diverged-twin export/ net/"});
    const Finding cast = find_in(c, {.near = true}).findings[0];
    CHECK(cast.rules.empty());
    CHECK(cast.evidence == std::vector<std::string>{"export/kernel is net/kernel rounded to f16, "
                                                    "value by value in a sample"});
    auto values = values_of(full);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= i % 2 == 0 ? 1.001 : 0.999;
    c.variables[1].tensor = tensor_of(DType::kF32, {40, 50}, values);
    CHECK(find_in(c, {.near = true}).findings[0].evidence ==
          std::vector<std::string>{
              "net/kernel is within 0.001 of export/kernel, relative to its length"});
  }

  TEST_CASE("between files scopes are matched whatever they are called, and nothing inside one") {
    MemoryCheckpoint a;
    MemoryCheckpoint b;
    for (std::uint64_t i = 0; i < 3; ++i) {
      a.add(cat("encoder/l", i, "/k"), noise({20, 30}, i));
      b.add(cat("model/encoder/l", i, "/k"), noise({20, 30}, i));
    }
    a.add("copy/k", noise({20, 30}, 0));
    const auto one = open_memory(a);
    const auto two = open_memory(b);
    const Reader* const readers[] = {one.get(), two.get()};
    const auto findings = find_duplicates(readers, {.across = true}).findings;
    REQUIRE(!findings.empty());
    CHECK(findings[0].members == std::vector<Member>{{0, "encoder/"}, {1, "model/encoder/"}});
    CHECK(findings[0].rules.empty());
    for (const Finding& f : findings) CHECK(f.members[0].input != f.members[1].input);
  }

  TEST_CASE("names with characters of the rule language are quoted in rules") {
    MemoryCheckpoint c;
    c.add("n{e}t=/k", noise({20, 30}, 1));
    c.add("n{e}t=_1/k", noise({20, 30}, 1));
    const Finding f = find_in(c).findings.at(0);
    CHECK(f.rules == std::vector<std::string>{"n\\{e\\}t\\=_1/{_:path} = -"});
    CHECK(apply_rules(c, f.rules).variables.size() == 1);
  }

  TEST_CASE("a stored digest is read from its attribute, and what is none is not") {
    const Digest digest = digest_of_bytes(as_byte_view("abc"));
    Details details;
    CHECK_FALSE(stored_digest(details).has_value());
    details.attributes = {{"trainable", "1"}, {"xxh3_128", to_string(digest)}};
    CHECK(stored_digest(details) == digest);
    details.attributes[1].value = '"' + to_string(digest) + '"';
    CHECK(stored_digest(details) == digest);
    details.attributes[1].value.back() = 'g';
    CHECK_FALSE(stored_digest(details).has_value());
    details.attributes[1].value = "abcd";
    CHECK_FALSE(stored_digest(details).has_value());
  }
}
