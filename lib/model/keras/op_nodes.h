#pragma once

#include <string>
#include <vector>

#include "model/keras/argument.h"
#include "model/ops/emitter.h"

namespace ckpt::keras {

// A node that is an operation of keras.ops rather than a layer: "Add", "Matmul", "GetItem".
// Throws Error(kUnsupported) for one that is not known, with those that are.
std::vector<std::size_t> emit_op_node(ops::Emitter& emitter, const std::string& class_name,
                                      const std::string& name, std::size_t call,
                                      const Config& config, const Arguments& arguments,
                                      Dialect dialect);

std::vector<std::string> op_node_classes();

}  // namespace ckpt::keras
