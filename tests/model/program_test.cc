#include "model/program.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/error.h"
#include "core/numbers.h"
#include "core/text.h"
#include "model/forward.h"
#include "model/initial_checkpoint.h"
#include "scope/scope_error.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"

using namespace ckpt;

namespace {

// A graph file of that body, on one line behind the schema.
std::string file_of(const std::string& body, const std::string& head = "") {
  return cat("{\"schema\": \"ckpt/graph/1\", ", head, "\n\"body\": [\n", body, "\n]}");
}

Graph graph_of(const std::string& body, const std::string& head = "") {
  return read_graph_file(file_of(body, head), {"g.json", {}});
}

// The names of its variables, in order.
std::string names_of(const std::string& body, const std::string& head = "") {
  std::vector<std::string> names;
  for (const GraphVariable& variable : graph_of(body, head).variables) {
    names.push_back(variable.name);
  }
  return join(names, " ");
}

std::string mistake_of(const std::string& body, const std::string& head = "") {
  return error_of([&] { (void)graph_of(body, head); });
}

std::optional<ScopeErrc> scope_mistake_of(const std::string& body) {
  return scope_code_of([&] { (void)graph_of(body); });
}

std::string scope(const std::string& name, const std::string& body, const std::string& more = "") {
  return cat(R"({"scope": ")", name, "\"", more, R"(, "body": [)", body, "]}");
}

std::string again(const std::string& object, const std::string& body,
                  const std::string& more = "") {
  return cat(R"({"of": ")", object, "\"", more, R"(, "body": [)", body, "]}");
}

std::string unnamed(const std::string& name, const std::string& body,
                    const std::string& more = "") {
  return cat(R"({"default": ")", name, "\"", more, R"(, "body": [)", body, "]}");
}

std::string get(const std::string& name, const std::string& more = R"(, "shape": [1])") {
  return cat(R"({"get_variable": ")", name, "\"", more, "}");
}

std::string plain(const std::string& name) {
  return cat(R"({"variable": ")", name, R"(", "shape": [1]})");
}

constexpr const char* kAsS = R"(, "as": "s")";
constexpr const char* kReuse = R"(, "reuse": true)";
constexpr const char* kAuto = R"(, "reuse": "auto")";
constexpr const char* kInput = R"("inputs": [{"name": "x", "shape": ["?", 4]}],)";

std::string dense_source(const std::string& more = "") {
  return cat(R"({"layer": "dense", "units": 4, "inputs": "x")", more, "}");
}

}  // namespace

// Numbers are those of the cases of the scope rules.
TEST_SUITE("model/program") {
  TEST_CASE("A: names come from scopes as TensorFlow 1 makes them") {
    CHECK(names_of(scope("a", scope("b", get("v")))) == "a/b/v");        // 1
    CHECK(names_of(scope("a", scope("a", get("v")))) == "a/a/v");        // 2
    CHECK(names_of(scope("a", again("s", get("v")), kAsS)) == "a/v");    // 3
    CHECK(names_of(scope("a/b", get("v"))) == "a/b/v");                  // 6
    CHECK(names_of(scope("", get("v"))) == "v");                         // 9
    CHECK(names_of(scope("a", scope("", get("v")))) == "a//v");          // 11
    CHECK(scope_mistake_of(scope("_a", get("v"))) == ScopeErrc::kName);  // 17
    CHECK(names_of(scope("a", scope("_b", get("_v")))) == "a/_b/_v");    // 17
    CHECK(scope_mistake_of(get("v:0")) == ScopeErrc::kName);             // 19
    CHECK(names_of(scope("a", again("", get("v")))) == "v");             // 21
    CHECK(names_of(get("W") + "," + get("w")) == "W w_1");               // 125
  }

  TEST_CASE("B: reuse and its mistakes are TensorFlow 1's") {
    const std::string made = scope("a", get("v"), kAsS);
    CHECK(names_of(made + "," + again("s", get("v"), kReuse)) == "a/v");
    CHECK(names_of(made + "," + scope("a", get("v"), kReuse)) == "a/v");
    CHECK(names_of(made + "," + scope("a", get("v") + "," + get("w"), kAuto)) == "a/v a/w");
    CHECK(scope_mistake_of(made + "," + scope("a", get("v"))) == ScopeErrc::kExists);
    CHECK(scope_mistake_of(made + "," + again("s", get("w"), kReuse)) == ScopeErrc::kMissing);
    CHECK(scope_mistake_of(made + "," + scope("a", get("v", R"(, "shape": [2])"), kReuse)) ==
          ScopeErrc::kShape);
    CHECK(scope_mistake_of(made + "," + scope("a", get("v", R"(, "dtype": "f16")"), kReuse)) ==
          ScopeErrc::kDType);
    CHECK(scope_mistake_of(get("v", "")) == ScopeErrc::kNoShape);
    CHECK(scope_mistake_of(scope("a", get("v"), R"(, "reuse": "perhaps")")) ==
          ScopeErrc::kReuseValue);
    CHECK(names_of(get("v") + R"(,{"reuse_variables": true},)" + get("v")) == "v");
    CHECK(scope_mistake_of(R"({"reuse_variables": true},)" + get("v")) == ScopeErrc::kMissing);
  }

  TEST_CASE("C: default names are numbered, and cannot be reused") {
    const std::string layer = unnamed("layer", get("v"));
    CHECK(names_of(layer + "," + layer) == "layer/v layer_1/v");
    CHECK(names_of(scope("m", layer + "," + layer) + "," +
                   scope("m", layer + "," + layer, kReuse)) == "m/layer/v m/layer_1/v");
    CHECK(scope_mistake_of(unnamed("layer", get("v"), kReuse)) == ScopeErrc::kReuseNoName);
    CHECK(names_of(R"({"scope": {"default": "d"}, "body": [)" + get("v") + "]}") == "d/v");
  }

  TEST_CASE("E, F: name scopes and operations give names to plain variables alone") {
    CHECK(names_of(R"({"name_scope": "n", "body": [)" + get("v") + "," + plain("v") + "]}") ==
          "v n/v");
    CHECK(names_of(plain("w") + "," + plain("w")) == "w w_1");                          // 117
    CHECK(names_of(plain("") + "," + plain("")) == "Variable Variable_1");              // 118
    CHECK(names_of(get("w"), R"("inputs": [{"name": "w", "shape": [1]}],)") == "w_1");  // 122
    CHECK(names_of(scope("foo", R"({"op": "constant", "value": 1, "name": "v"},)" + get("v") + "," +
                                    get("v_1"))) == "foo/v_1 foo/v_1_1");  // 124
  }

  TEST_CASE("G: what a scope says, its variables get") {
    const Graph graph = graph_of(scope("a", get("v") + "," + scope("b", get("w")),
                                       R"(, "dtype": "f64", "initializer": {"constant": 3})") +
                                 "," + get("x"));
    CHECK(graph.variables[1].dtype == DType::kF64);
    CHECK(graph.variables[2].dtype == DType::kF32);
    const auto reader = open_initial(graph);
    CHECK(to_string(reader->read(1).shape) == "[1]");
    CHECK(element_as_double(DType::kF64, reader->read(1).bytes, 0) == 3);
  }

  TEST_CASE("H: a partitioned variable is the one whole it is saved as") {
    const std::string cut = R"(, "shape": [3, 2], "partitions": 2)";
    const Graph graph = graph_of(scope("s", get("n", cut)));
    REQUIRE(graph.variables.size() == 1);
    CHECK(graph.variables[0].name == "s/n");
    CHECK(graph.variables[0].shape == Shape{3, 2});
    CHECK(scope_mistake_of(get("n", cut) + "," + get("n", R"(, "shape": [3, 2])")) ==
          ScopeErrc::kPlainVsPart);
    CHECK(scope_mistake_of(get("n", cut) + "," + get("n", cut)) == ScopeErrc::kPartExists);
  }

  TEST_CASE("I: local variables obey the rules and are not saved") {
    CHECK(names_of(get("a", R"(, "shape": [1], "local": true)") + "," + get("b")) == "b");
    CHECK(scope_mistake_of(get("a", R"(, "shape": [1], "local": true)") + "," + get("a")) ==
          ScopeErrc::kExists);
    CHECK(mistake_of(get("a", R"(, "shape": [1], "local": true, "as": "a")") +
                     R"(,{"op": "relu", "inputs": "a"})") ==
          "g.json:3:63: op 'relu': 'a' is the variable 'a', which is not among the global ones, so "
          "no checkpoint has it");
  }

  TEST_CASE("K: layers make the twins that TensorFlow 1's layers make") {
    CHECK(names_of(dense_source() + "," + dense_source(), kInput) ==
          "dense/kernel dense/bias dense_1/kernel dense_1/bias");  // 189
    CHECK(names_of(dense_source(R"(, "name": "fc")") + "," +
                       dense_source(R"(, "name": "fc", "reuse": true)"),
                   kInput) == "fc/kernel fc/bias");  // 191
    CHECK(names_of(dense_source(R"(, "name": "fc", "object": true)") + "," +
                       dense_source(R"(, "name": "fc", "object": true)"),
                   kInput) == "fc/kernel fc/bias fc_1/kernel fc_1/bias");  // 192
    CHECK(names_of(scope("t", dense_source(R"(, "in": "s")"), kAsS), kInput) ==
          "t/kernel t/bias");  // 203
    CHECK(names_of(dense_source(R"(, "style": "contrib")") + "," +
                       dense_source(R"(, "style": "contrib")"),
                   kInput) ==
          "fully_connected/weights fully_connected/biases fully_connected_1/weights "
          "fully_connected_1/biases");  // 206
    CHECK(names_of(dense_source(R"(, "name": "fc", "vars": {"kernel": "w", "bias": "b"})"),
                   kInput) == "fc/w fc/b");
  }

  TEST_CASE("repeats count, go over lists in step, and rebind") {
    CHECK(names_of(R"({"repeat": {"i": 3}, "body": [)" + get("v{i}") + "]}") == "v0 v1 v2");
    const std::string lists =
        R"({"repeat": {"n": ["a", "b"], "u": [3, 5]}, "body": [{"get_variable": "{n}", )"
        R"("shape": ["{u}", "{2*u+1}"]}]})";
    const Graph graph = graph_of(lists);
    CHECK(graph.variables[0].shape == Shape{3, 7});
    CHECK(graph.variables[1].shape == Shape{5, 11});
    CHECK(names_of(R"({"op": "identity", "inputs": "x", "as": "h"},
                      {"repeat": {"i": 2}, "body": [
                        {"layer": "dense", "units": "{5-i}", "name": "l{i}", "inputs": "h", "as": "h"}
                      ]})",
                   kInput) == "l0/kernel l0/bias l1/kernel l1/bias");
  }

  TEST_CASE("functions have their own names; an argument is a text and what that names") {
    const std::string head = cat(kInput, R"("functions": {"f": {
        "args": ["name", "input", "units"], "defaults": {"units": 2},
        "body": [{"layer": "dense", "name": "{name}", "units": "{units}", "inputs": "input", "as": "x"}],
        "returns": "x"}},)");
    const std::string calls = R"({"call": "f", "args": {"name": "a", "input": "x"}, "as": "h"},
        {"call": "f", "args": {"name": "b", "input": "h", "units": 3}, "as": "h"})";
    const Graph graph = graph_of(calls, head);
    CHECK(graph.variables[2].name == "b/kernel");
    CHECK(graph.variables[2].shape == Shape{2, 3});
    CHECK(mistake_of(R"({"call": "f", "args": {"name": "a"}})", head) ==
          "g.json:6:1: call 'f': has no argument 'input'; the function takes name, input, units");
    CHECK(mistake_of(R"({"call": "g"})", head) ==
          "g.json:6:1: call 'g': there is no function 'g'; did you mean 'f'?; there are f");
  }

  TEST_CASE("parameters are given by the file or by who reads it") {
    const std::string file = file_of(R"({"get_variable": "v", "shape": ["{n}", "{half}"]})",
                                     R"("parameters": {"n": 4, "half": "{n/2}"},)");
    CHECK(read_graph_file(file).variables[0].shape == Shape{4, 2});
    CHECK(read_graph_file(file, {"g.json", {{"n", "6"}}}).variables[0].shape == Shape{6, 3});
    CHECK(error_of([&] {
            (void)read_graph_file(file, {"g.json", {{"n", "5"}}});
          }) == "g.json:1:1: '{n/2}': 5 / 2 leaves a rest");
    CHECK(error_of([&] {
            (void)read_graph_file(file, {"g.json", {{"m", "5"}}});
          }) == "g.json:1:1: has no parameter 'm'; it has n, half");
  }

  TEST_CASE("a mistake is told with file, line, column and statement, and the calls around it") {
    CHECK(mistake_of(get("v") + ",\n  " + get("v")) ==
          "g.json:4:3: get_variable 'v': v: this variable already exists, first made at line 3, "
          "column 1, and reuse is False here; open the scope with reuse True to share it, or with "
          "reuse AUTO to share it where it exists and make it where it does not");
    CHECK(
        mistake_of(R"({"op": "matmul", "inputs": ["x", "nowhere"]})", kInput) ==
        "g.json:3:1: op 'matmul': 'nowhere' is not bound here; names are bound by 'as', inputs and "
        "the arguments of functions");
    CHECK(mistake_of(dense_source(R"(, "unit": 3)"), kInput) ==
          "g.json:3:1: layer 'dense': takes no 'unit'; did you mean 'units'?");
    CHECK(mistake_of(R"({"get_varible": "v"})") ==
          "g.json:3:1: statement: is no statement; one has one of the keys scope, of, default, "
          "name_scope, get_variable, variable, layer, op, call, repeat, reuse_variables");
    CHECK(mistake_of(scope("a", "\n" + get("v{i}"))) ==
          "g.json:4:1: get_variable 'v{i}': '{i}' stands for nothing here; no names are known");
    CHECK(mistake_of(R"({"layer": "denze", "inputs": "x"})", kInput) ==
          "g.json:3:1: layer 'denze': there is no layer 'denze'; did you mean 'dense'?; there "
          "are "
          "batch_normalization, conv2d, conv2d_transpose, dense, depthwise_conv2d, embedding, "
          "layer_normalization, normalization, separable_conv2d; with get_variable and op any "
          "other can be written");
    CHECK(mistake_of(R"({"op": "relo", "inputs": "x"})", kInput)
              .starts_with("g.json:3:1: op 'relo': there is no operation 'relo'; did you mean "
                           "'relu'?; there are abs, add, "));
    CHECK(mistake_of(R"({"get_variable": "w", "shape": [3, 4], "as": "w"},
{"op": "matmul", "inputs": ["x", "w"]})",
                     kInput) ==
          "g.json:4:1: op 'matmul': its kernel has the shape [3, 4], but the input asks for [4, "
          "?]");
  }

  TEST_CASE("a file that is none is refused where it ceases to be one") {
    const auto refused = [](const std::string& text) {
      return error_of([&] { (void)read_graph_file(text, {"g.json", {}}); });
    };
    CHECK(refused("[]") == "g.json:1:1: the graph file is no JSON object");
    CHECK(refused("{}") == "g.json:1:1: its schema is missing, not 'ckpt/graph/1'");
    CHECK(refused(R"({"schema": "ckpt/graph/2"})") ==
          "g.json:1:1: its schema is 'ckpt/graph/2', not 'ckpt/graph/1'");
    CHECK(refused("{\"schema\": \"ckpt/graph/1\"}") == "g.json:1:1: has no 'body'");
    CHECK(refused("{\"schema\": \"ckpt/graph/1\",\n \"body\": [}").starts_with("g.json:2:11: "));
    CHECK(refused("{\"a\": 1,\n \"a\": 2}").find("has the key 'a' twice") != std::string::npos);
    CHECK(is_graph_file(file_of("")));
    CHECK_FALSE(is_graph_file(R"({"class_name": "Sequential", "config": []})"));
  }

  TEST_CASE("a hostile program is refused, promptly and in little memory") {
    const auto limit = [](const std::string& body, const std::string& head = "") {
      const std::string what = mistake_of(body, head);
      CHECK(what.size() < 2000);
      return what;
    };
    // A function that calls itself: the first calls are told, not all.
    const std::string forever = R"("functions": {"f": {"body": [{"call": "f"}]}},)";
    CHECK(limit(R"({"call": "f"})", forever).find("does a function call itself?") !=
          std::string::npos);
    const std::string many = "the program takes too many steps";
    CHECK(limit(R"({"repeat": {"i": 1000000000000000}, "body": []})").find(many) !=
          std::string::npos);
    CHECK(limit(R"({"repeat": {"i": 5000}, "body": [{"repeat": {"j": 5000}, "body": []}]})")
              .find(many) != std::string::npos);
    CHECK(limit(R"({"repeat": {"i": 1000000}, "body": [{"get_variable": "v{i}", "shape": []}]})")
              .find("more than 100,000 variables") != std::string::npos);
    CHECK(
        limit(cat(R"({"repeat": {"i": 1000000}, "body": [{"op": "relu", "inputs": "x"}]})"), kInput)
            .find("more than 100,000 operations") != std::string::npos);
    CHECK(limit(get("v", R"(, "shape": [1000000000000], "partitions": 1000000000000)"))
              .find("100,000 are the most") != std::string::npos);
    CHECK(limit(get("v", R"(, "shape": [-3])")) ==
          "g.json:3:1: get_variable 'v': its 'shape' is the number -3; needed is a whole number "
          "from 0 or '?' for each extent");
    CHECK(limit(get("v", R"(, "shape": [4611686018427387904, 4])")).find("v: ") !=
          std::string::npos);
    CHECK(limit(get("v", R"(, "shape": [1099511627776, 2])")) ==
          "g.json:1:1: variable 'v': its shape [1099511627776, 2] is beyond what is supported");
    CHECK(limit(get("v", R"(, "shape": "wide")")).find("needed is a list of extents") !=
          std::string::npos);
    CHECK(limit("7") == "g.json:2:9: statement: a statement is an object, not the number 7");
    // Texts that double with each call.
    std::string doubling = R"("functions": {)";
    for (int i = 0; i < 40; ++i) {
      doubling += cat("\"f", i, R"(": {"args": ["n"], "body": [{"call": "f)", i + 1,
                      R"(", "args": {"n": "{n}{n}"}}]},)");
    }
    doubling += R"("f40": {"args": ["n"], "body": []}},)";
    CHECK(limit(R"({"call": "f0", "args": {"n": "ab"}})", doubling).find("1024 are the most") !=
          std::string::npos);
    // Scopes that get deeper and deeper.
    std::string deep;
    for (int i = 0; i < 300; ++i) deep += R"({"scope": "a", "body": [)";
    CHECK(limit(deep).find("nested more than 128 levels deep") != std::string::npos);
    CHECK(limit(std::string(std::size_t{2} << 20, ' ')).find("a megabyte is the most") !=
          std::string::npos);
  }

  TEST_CASE("a damaged file is refused or is another program, whatever byte is damaged") {
    const std::string whole = file_of(
        R"({"scope": "a", "as": "s", "body": [{"get_variable": "v{1+2*3}", "shape": [2], "as": "v"}]},
           {"repeat": {"i": 2}, "body": [{"op": "add", "inputs": ["v", 1.5], "as": "v"}]},
           {"layer": "dense", "units": 3, "inputs": "x", "as": "h"})",
        kInput);
    std::size_t refused = 0;
    const auto read = [&](const std::string& text) {
      try {
        (void)read_graph_file(text);
      } catch (const Error&) {
        ++refused;
      }
    };
    for (std::size_t n = 0; n < whole.size(); ++n) read(whole.substr(0, n));
    CHECK(refused == whole.size());
    for (std::size_t n = 0; n < whole.size(); ++n) {
      for (const char other : {'"', '{', '}', '9', '-', '\\', '\n', 'x'}) {
        std::string text = whole;
        text[n] = other;
        read(text);
      }
    }
    CHECK(refused > 2 * whole.size());
  }

  TEST_CASE("graphs of operations compute what their formulas say") {
    const auto value_of = [](const std::string& body) {
      Graph graph = read_graph_file(
          cat(R"({"schema": "ckpt/graph/1", "inputs": [{"name": "x", "shape": [2, 2]}], "body": [)",
              body, R"(], "outputs": ["y"]})"));
      for (GraphVariable& variable : graph.variables) variable.names = {variable.name};
      const float x[] = {1, -2, 3, 4};
      const auto reader = open_initial(graph);
      const RunResult result = run(graph, *reader, {make_tensor({2, 2}, x)});
      std::vector<std::string> values;
      const Tensor& y = result.outputs.front().tensor;
      for (std::size_t i = 0; i < num_elements(y.shape).value(); ++i) {
        values.push_back(cat(element_as_double(y.dtype, y.bytes, i)));
      }
      return cat(to_string(y.shape), " ", join(values, " "));
    };
    const std::string w =
        R"({"get_variable": "w", "initializer": {"value": [[1, 2], [0, 1]]}, "as": "w"},)";
    CHECK(value_of(w + R"({"op": "matmul", "inputs": ["x", "w"], "as": "y"})") ==
          "[2, 2] 1 0 3 10");
    CHECK(
        value_of(w + R"({"op": "matmul", "transpose_b": true, "inputs": ["x", "w"], "as": "y"})") ==
        "[2, 2] -3 -2 11 4");
    CHECK(
        value_of(w + R"({"op": "matmul", "transpose_a": true, "inputs": ["x", "w"], "as": "y"})") ==
        "[2, 2] 1 5 -2 0");
    CHECK(value_of(w + R"({"op": "matmul", "inputs": ["w", "x"], "as": "y"})") == "[2, 2] 7 6 3 4");
    CHECK(value_of(R"({"op": "subtract", "inputs": [1, "x"], "as": "y"})") == "[2, 2] 0 3 -2 -3");
    CHECK(value_of(R"({"op": "divide", "inputs": ["x", 2], "as": "y"})") == "[2, 2] 0.5 -1 1.5 2");
    CHECK(value_of(R"({"op": "split", "parts": 2, "axis": 1, "inputs": "x", "as": ["a", "y"]})") ==
          "[2, 1] -2 4");
    CHECK(value_of(
              R"({"op": "slice", "begin": [1, 0], "size": [-1, 1], "inputs": "x", "as": "y"})") ==
          "[1, 1] 3");
    CHECK(value_of(R"({"op": "concat", "axis": 0, "inputs": ["x", "x"], "as": "y"})") ==
          "[4, 2] 1 -2 3 4 1 -2 3 4");
    CHECK(value_of(R"({"op": "reduce_max", "axes": 1, "inputs": "x", "as": "y"})") == "[2] 1 4");
    CHECK(value_of(R"({"op": "reduce_sum", "inputs": "x", "as": "y"})") == "[] 6");
    CHECK(value_of(R"({"op": "transpose", "perm": [1, 0], "inputs": "x", "as": "y"})") ==
          "[2, 2] 1 3 -2 4");
    CHECK(value_of(R"({"op": "reshape", "shape": [4, -1], "inputs": "x", "as": "y"})") ==
          "[4, 1] 1 -2 3 4");
    CHECK(value_of(R"({"op": "expand_dims", "axis": [1, 2], "inputs": "x", "as": "y"})") ==
          "[2, 1, 1, 2] 1 -2 3 4");
    CHECK(value_of(R"({"op": "clip", "low": -1, "high": 3, "inputs": "x", "as": "y"})") ==
          "[2, 2] 1 -1 3 3");
    CHECK(value_of(R"({"op": "range", "n": 2, "dtype": "f32", "as": "r"},
                      {"op": "multiply", "inputs": ["x", "r"], "as": "y"})") == "[2, 2] 0 -2 0 4");
  }
}
