#include <cstdio>

#include "checkpoint/store_io.h"
#include "formats/formats.h"
#include "scope/variable_store.h"

// Uses the installed library as a stranger would: makes variables, saves them, reads them back.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  ckpt::VariableStore store;
  const auto scope = store.open("dense");
  store.get_variable("kernel", {.shape = ckpt::Shape{2, 3}});
  store.initialize();
  const auto create = [&](auto specs) {
    return ckpt::create_checkpoint(argv[1], std::move(specs));
  };
  ckpt::save(store, create);
  const auto reader = ckpt::open_checkpoint(argv[1]);
  std::puts(reader->index().entries.at(0).name.c_str());
  return reader->read(0) == store.variables().at(0)->value() ? 0 : 1;
}
