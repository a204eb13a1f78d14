// What a program that links the library does first. The README quotes what is between "// README:"
// and "// end".

#include <doctest/doctest.h>

#include "checkpoint/store_io.h"
#include "formats/formats.h"
#include "scope/variable_store.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// README: reading a checkpoint
std::uint64_t count_trainable(const std::string& path) {
  const auto reader = open_checkpoint(path);  // any format; throws ckpt::Error
  std::uint64_t parameters = 0;
  for (const Entry& entry : reader->index().entries) {
    if (entry.role == Role::kVariable) parameters += parameters_of(entry);
  }
  const Tensor kernel = reader->read(reader->find("dense/kernel").value());
  CHECK(kernel.shape == Shape{144, 16});
  return parameters;
}
// end

// README: writing a checkpoint
void write_and_restore(const std::string& path) {
  VariableStore store;
  auto scope = store.open("encoder");
  store.get_variable("kernel", {.shape = Shape{3, 4}, .initializer = Initializer::glorot_uniform()});
  store.initialize(/*seed=*/7);
  save(store, [&](auto specs) { return create_checkpoint(path, std::move(specs)); });

  VariableStore other;
  auto same = other.open("encoder");
  Variable& kernel = other.get_variable("kernel", {.shape = Shape{3, 4}});
  restore(other, *open_checkpoint(path));  // names all that is missing, unexpected or mismatched
  CHECK(kernel.value() == store.variables().at(0)->value());
}
// end

}  // namespace

TEST_SUITE("examples/library") {
  TEST_CASE("reading a checkpoint") {
    CHECK(count_trainable(CKPT_FIXTURES "/digits/digits.h5") == 4043);
  }
  TEST_CASE("writing a checkpoint and restoring it") {
    const TempDir dir;
    write_and_restore(dir / "encoder.h5");
  }
}
