// Reads whatever text it is given as the configuration of a Keras model. No layer of it runs.
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "model/keras.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    (void)ckpt::read_keras_config(text);
  } catch (const ckpt::Error&) {
  }
  return 0;
}
