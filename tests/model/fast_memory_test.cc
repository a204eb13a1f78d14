#include <doctest/doctest.h>

#include <atomic>

#include "core/random.h"
#include "model/fast/arena.h"
#include "model/fast/program.h"
#include "model/fast/thread_pool.h"
#include "model/fast_graph.h"

// The memory and the threads of the fast engine.

namespace ckpt::fast {

TEST_SUITE_BEGIN("model/fast_memory");

TEST_CASE("slots that are needed at the same time never overlap") {
  const RandomStream random(11, "slots");
  std::uint64_t next = 0;
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(random.uniform(next++) * static_cast<double>(n));
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<Slot> slots(1 + below(30));
    std::size_t sum = 0;
    for (Slot& slot : slots) {
      slot.size = 1 + below(100);
      slot.first = below(20);
      slot.last = slot.first + below(8);
      sum += slot.size + 16;
    }
    const std::size_t all = place_slots(slots);
    CHECK(all <= sum);
    for (const Slot& a : slots) {
      CHECK(a.offset + a.size <= all);
      CHECK(a.offset % 16 == 0);
      for (const Slot& b : slots) {
        const bool same_time = a.first <= b.last && b.first <= a.last;
        const bool same_place = a.offset < b.offset + b.size && b.offset < a.offset + a.size;
        if (&a != &b) CHECK_FALSE((same_time && same_place));
      }
    }
  }
}

TEST_CASE("a chain of layers needs the memory of two of them") {
  std::vector<Slot> slots;
  for (std::size_t step = 0; step < 50; ++step) slots.push_back({1600, step, step + 1});
  CHECK(place_slots(slots) == 3200);
}

TEST_CASE("every chunk is done once, whoever takes it, and no worker has two at a time") {
  for (const std::size_t threads : {1U, 2U, 5U}) {
    ThreadPool pool(threads);
    CHECK(pool.size() == threads);
    for (const std::size_t count : {0U, 1U, 2U, 3U, 100U}) {
      for (int round = 0; round < 50; ++round) {
        std::vector<std::atomic<int>> done(count);
        std::vector<std::atomic<int>> busy(threads);
        std::atomic<int> clashes = 0;
        pool.run(count, [&](std::size_t chunk, std::size_t worker) {
          if (busy[worker]++ != 0) ++clashes;
          ++done[chunk];
          --busy[worker];
        });
        CHECK(clashes == 0);
        for (const auto& times : done) CHECK(times == 1);
      }
    }
  }
}

TEST_CASE("activations of a network take no more than twice the largest pair") {
  test::FastGraph graph;
  Attributes conv;
  conv.set("window", std::vector<std::int64_t>{3, 3});
  conv.set("padding", std::string("same"));
  auto x = graph.input({1, 8, 8, 16});
  for (int i = 0; i < 6; ++i) {
    const auto branch = x;
    x = graph.add("conv", conv, {x}, {{"kernel", {3, 3, 16, 16}}});
    x = graph.add("conv", conv, {x}, {{"kernel", {3, 3, 16, 16}}});
    x = graph.add("add_layers", {}, {branch, x});
  }
  graph.output();
  const auto reader = open_memory(graph.variables());
  const Graph concrete = graph.graph();
  const Program program(concrete, *reader, {.engine = Engine::kFast});
  CHECK(program.plan().memory <= 4 * 8 * 8 * 16);
  CHECK(program.plan().variables == 12 * 3 * 3 * 16 * 16 * sizeof(float));
}

TEST_CASE("a program gives the same whenever it is run, and follows its inputs") {
  test::FastGraph graph;
  const auto x = graph.input({3, 5});
  graph.add("dense", {}, {x}, {{"kernel", {5, 4}}, {"bias", {4}}});
  graph.output();
  const auto reader = open_memory(graph.variables());
  const Graph concrete = graph.graph();
  Program program(concrete, *reader, {.engine = Engine::kFast});
  const RunResult first = program.run(graph.inputs());
  const std::vector<Tensor> other{test::FastGraph::random("other", {3, 5}, 0)};
  CHECK(program.run(other).outputs[0].tensor != first.outputs[0].tensor);
  CHECK(program.run(graph.inputs()).outputs[0].tensor == first.outputs[0].tensor);
}

TEST_SUITE_END();

}  // namespace ckpt::fast
