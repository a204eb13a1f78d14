#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/graph.h"

// What the convolutions and dense layers of a network cost by themselves, the usual way: each
// image is made a matrix (im2col; not for a 1×1 convolution of stride 1) that Eigen multiplies by
// the kernel; depthwise convolutions are plain loops. No bias, normalization, activation or sum.
// Compiled for AVX2, where Eigen is fastest.
class ForwardFloor {
 public:
  // REQUIRES: two-dimensional, one group, no unknown extents.
  explicit ForwardFloor(const ckpt::Graph& graph);
  ~ForwardFloor();
  ForwardFloor(const ForwardFloor&) = delete;
  ForwardFloor& operator=(const ForwardFloor&) = delete;

  // Computes them all, each by itself on the same input; seconds of processor time by kind.
  struct Cost {
    std::string kind;
    double seconds = 0;
  };
  [[nodiscard]] std::vector<Cost> run();

  [[nodiscard]] double multiplications() const;

 private:
  struct Layer;
  std::vector<Layer> layers_;
};

// "conv 1x1", "conv", "depthwise", "dense", or "" for what is none of them.
std::string floor_kind(const ckpt::Node& node);

// Of this process, user and system.
double processor_seconds();
