#pragma once

#include <string>

#include "checkpoint/memory_checkpoint.h"
#include "model/graph.h"

// A well-known network for images, for one image of 224 × 224, with variables as they are before
// any training.
struct Network {
  std::string name;
  ckpt::Graph graph;
  ckpt::MemoryCheckpoint variables;
};

inline constexpr const char* kNetworks[] = {"mobilenetv2", "resnet50", "vgg16", "densenet121",
                                            "efficientnetb0"};

// From fixtures/graphs, or from Keras's own file in the shared folder. Throws Error(kNotFound)
// where that is not there. REQUIRES: one of kNetworks.
Network load_network(const std::string& name);
