#pragma once

#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "model/graph.h"

// Well-known networks for images, as Keras builds them, with variables that are random but of a
// sensible size. Batch 1.
struct Network {
  std::string name;
  ckpt::Graph graph;
  ckpt::MemoryCheckpoint variables;
};

inline constexpr const char* kNetworks[] = {"MobileNetV2", "ResNet50", "VGG16", "DenseNet121",
                                            "EfficientNetB0"};

// REQUIRES: one of kNetworks.
Network make_network(const std::string& name);
