#include <doctest/doctest.h>

#include "core/text.h"
#include "formats/torch/pickle.h"
#include "formats/torch/tensors.h"
#include "support/error_of.h"

using namespace ckpt;
using namespace ckpt::torch;

namespace {

// Opcodes of protocol 0, which can be read: a tensor of the four elements of storage `key`;
// `within` makes one more argument, and may do more on the way.
std::string tensor(std::string_view key, std::string_view within = "N") {
  return cat("ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'", key,
             "'\nS'cpu'\nI4\ntQI0\n(I4\nt(I1\ntI00\n", within, "tR");
}

struct Parsed {
  explicit Parsed(std::string text, PickleTrace* trace = nullptr)
      : bytes(std::move(text)), pickle(read_pickle(as_byte_view(bytes), trace)) {}

  // The value of a key of the outermost dict.
  [[nodiscard]] const Node& operator[](std::string_view key) const {
    const auto items = pickle.items_of(pickle.nodes[pickle.root]);
    for (std::size_t i = 0; i < items.size(); i += 2) {
      if (pickle.nodes[items[i]].text() == key) return pickle.nodes[items[i + 1]];
    }
    FAIL("no such key");
    return pickle.nodes[0];
  }
  [[nodiscard]] std::int64_t number(const Node& list, std::size_t i) const {
    const Node& item = pickle.nodes[pickle.items_of(list)[i]];
    CHECK(item.kind == Kind::kInt);
    return item.number;
  }

  std::string bytes;
  Pickle pickle;
};

// Three more values behind, which would take the place of any that was wrongly taken back.
constexpr std::string_view kMore = "S'x'\nI1001\nsS'y'\nI1002\nsS'z'\nI1003\ns";

}  // namespace

TEST_SUITE("formats/torch_pickle") {
  TEST_CASE("a call that makes a tensor leaves one value, whatever its arguments were") {
    std::string few = "(d";
    std::string many = "(d";
    for (int i = 0; i < 1000; ++i) {
      if (i < 10) few += cat("S'", i, "'\n", tensor(cat(i)), "s");
      many += cat("S'", i, "'\n", tensor(cat(i), "(dS'k'\nI1000\ns(lp1\n"), "s");
    }
    const Parsed small(few + ".");
    const Parsed large(many + ".");
    CHECK(large.pickle.nodes.size() == small.pickle.nodes.size() + 990 * 2);  // key and tensor
    CHECK(large.pickle.views.size() == 1000);
    CHECK(large.pickle.storages.size() == 1000);
    CHECK(large.pickle.extents.size() == 2);  // one shape and stride for all
    CHECK(large["999"].kind == Kind::kTensor);
  }

  TEST_CASE("what the memo is asked for outlives the tensor in whose arguments it was made") {
    // A list among the arguments that goes into the memo and grows after that, once where it was
    // made and once from the memo.
    for (const char* within : {"(lp7\nI1000\naI2000\na", "(lp7\n0g7\nI1000\na0g7\nI2000\na",
                               "(lp7\nI1000\na20I2000\na", "(l2I1000\na0I2000\nap7\n"}) {
      CAPTURE(within);
      const Parsed parsed(cat("(dS't'\n", tensor("0", within), "sS'list'\ng7\ns", kMore, "."));
      REQUIRE(parsed["list"].kind == Kind::kList);
      REQUIRE(parsed["list"].size == 2);
      CHECK(parsed.number(parsed["list"], 0) == 1000);
      CHECK(parsed.number(parsed["list"], 1) == 2000);
      CHECK(parsed["z"].number == 1003);
    }
    // A dict outside of the tensor that gets a value inside of it.
    const Parsed outer(
        cat("(dp3\nS't'\n", tensor("0", "g3\nS'in'\n(I5000\nI6000\nlsI0\n"), "s", kMore, "."));
    CHECK(outer.number(outer["in"], 1) == 6000);
    // Arguments that two calls share.
    const std::string first = tensor("0");
    const Parsed shared(cat("(dS'a'\n", first.substr(0, first.size() - 1), "p9\nRsS'b'\n",
                            "ctorch._utils\n_rebuild_tensor_v2\ng9\nRs", kMore, "."));
    CHECK(shared["a"].kind == Kind::kTensor);
    CHECK(shared["b"].kind == Kind::kTensor);
    CHECK(shared["z"].number == 1003);
  }

  TEST_CASE("the trace of a dict among a tensor's arguments is not taken for another dict's") {
    PickleTrace trace;
    const Parsed parsed(cat("(dS't'\n", tensor("0", "(dS'k'\nI1000\nsS'l'\nI2000\ns"),
                            "sS'd'\n(dS'in'\nI3000\nss."),
                        &trace);
    REQUIRE(trace.pairs.size() == 3);
    for (const auto& pair : trace.pairs) {
      const Node& dict = parsed.pickle.nodes[pair.dict];
      REQUIRE(dict.kind == Kind::kDict);
      const Node& key = parsed.pickle.nodes[parsed.pickle.items_of(dict)[pair.position]];
      CHECK(parsed.bytes.substr(pair.key, pair.value - pair.key) == cat("S'", key.text(), "'\n"));
    }
  }

  TEST_CASE("a tensor with something wrong is named, and those before and behind it are read") {
    std::string wrong = tensor("1");
    wrong.replace(wrong.find("(I4\nt"), 5, "(I5\nt");
    Parsed parsed(
        cat("(dS'good'\n", tensor("0"), "sS'bad'\n", wrong, "sS'later'\n", tensor("2"), "s."));
    CHECK(parsed["later"].kind == Kind::kCall);
    CHECK(error_of([&] { find_tensors(parsed.pickle); }) ==
          "bad: has size [5], stride [1], offset 0: it reaches past its storage 1, which has 4 "
          "elements");
  }

  TEST_CASE("lists that grow in turn keep their items") {
    std::string text = "((lp0\n(lp1\n";
    for (int i = 0; i < 300; ++i) text += cat("g", i % 2, "\nI", 1000 + i, "\na0");
    const Parsed parsed(text + "t.");
    const auto lists = parsed.pickle.items_of(parsed.pickle.nodes[parsed.pickle.root]);
    REQUIRE(lists.size() == 2);
    for (std::size_t i = 0; i < 300; ++i) {
      const Node& list = parsed.pickle.nodes[lists[i % 2]];
      REQUIRE(list.size == 150);
      CHECK(parsed.number(list, i / 2) == static_cast<std::int64_t>(1000 + i));
    }
  }

  TEST_CASE("a tensor has no more dimensions than PyTorch's") {
    std::string ones = "(";
    for (int i = 0; i < 65; ++i) ones += "I1\n";
    std::string wrong = tensor("0");
    wrong.replace(wrong.find("(I4\n"), 4, ones);
    Parsed parsed(cat("(dS'w'\n", wrong, "s."));
    CHECK(error_of([&] { find_tensors(parsed.pickle); }) ==
          "w: is a tensor of 65 dimensions; PyTorch's have at most 64");
  }
}
