#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/keras/config.h"

namespace ckpt::keras {

// A value of the graph on its way between layers, with the mask that Keras hangs on it.
struct Flow {
  std::size_t value = 0;
  std::optional<std::size_t> mask;
};

// An argument of a layer's call: a value, a constant of the config, or a list of arguments.
struct Argument {
  std::optional<Flow> flow;
  const Json* constant = nullptr;
  std::vector<Argument> items;

  [[nodiscard]] bool is_list() const { return !flow && constant == nullptr; }
};

struct Arguments {
  std::vector<Argument> positional;
  std::vector<std::pair<std::string, Argument>> named;

  // Does the call name it, be it None?
  [[nodiscard]] bool names(std::string_view name) const;
  // Null where there is none, or it is None.
  [[nodiscard]] const Argument* find(std::string_view name) const;
};

// All values in an argument, lists flattened, in order.
std::vector<Flow> flows_of(const Argument& argument);

}  // namespace ckpt::keras
