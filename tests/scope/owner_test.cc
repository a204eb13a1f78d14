#include "scope/owner.h"

#include <doctest/doctest.h>

using namespace ckpt;

namespace {

// "owner of the last name": its position, where it stands; and how the name follows to "new/name".
std::string followed(const std::vector<std::string>& names, const std::vector<Shape>& shapes = {}) {
  const Shape plain{2};
  std::vector<Leaf> leaves;
  for (std::size_t i = 0; i < names.size(); ++i) {
    leaves.push_back({names[i], i < shapes.size() ? &shapes[i] : &plain});
  }
  const auto owners = owners_of(leaves, roles_of(leaves, '/'), '/');
  if (!owners.back()) return "none";
  return names[owners.back()->leaf] + ": " + follow(names.back(), *owners.back(), "new/name", '/');
}

}  // namespace

TEST_SUITE("scope/owner") {
  TEST_CASE("a companion's owner is found where its name stands in the companion's") {
    CHECK(followed({"dense/kernel", "dense/kernel/Adam_1"}) == "dense/kernel: new/name/Adam_1");
    CHECK(followed({"dense/kernel", "train/dense/kernel/Adam"}) ==
          "dense/kernel: train/new/name/Adam");
    CHECK(followed({"k", "k/ExponentialMovingAverage", "k/ExponentialMovingAverage/biased"}) ==
          "k: new/name/ExponentialMovingAverage/biased");
    CHECK(followed({"dense/kernel", "optimizer/adam/m/dense/kernel"}) ==
          "dense/kernel: optimizer/adam/m/new/name");
    CHECK(followed({"dense/kernel", "optimizer/adam/dense/kernel/m"}) ==
          "dense/kernel: optimizer/adam/new/name/m");
    CHECK(followed({"dense/kernel", "optimizer/adam/dense_kernel_momentum"}) ==
          "dense/kernel: optimizer/adam/new_name_momentum");
  }

  TEST_CASE("the longest name that fits is the owner") {
    CHECK(followed({"kernel", "dense/kernel", "optimizer/m/dense/kernel"}) ==
          "dense/kernel: optimizer/m/new/name");
    CHECK(followed({"kernel", "dense/kernel", "dense/kernel/Adam"}) ==
          "dense/kernel: new/name/Adam");
  }

  TEST_CASE("what has no owner has none") {
    CHECK(followed({"dense/kernel", "beta1_power"}) == "none");
    CHECK(followed({"dense/kernel", "optimizer/iteration"}) == "none");
    CHECK(followed({"dense/kernel", "dense/bias"}) == "none");
    CHECK(followed({"a/b_c", "a_b/c", "optimizer/a_b_c_momentum"}) == "none");
  }

  TEST_CASE("a companion of another shape is told from one of its owner's") {
    const std::vector<std::string> names{"w", "w/Adam", "w/local_step"};
    const std::vector<Shape> shapes{{2}, {2}, {}};
    std::vector<Leaf> leaves;
    for (std::size_t i = 0; i < 3; ++i) leaves.push_back({names[i], &shapes[i]});
    const auto owners = owners_of(leaves, roles_of(leaves, '/'), '/');
    CHECK_FALSE(owners[0]);
    REQUIRE((owners[1] && owners[2]));
    CHECK(owners[1]->same_shape);
    CHECK_FALSE(owners[2]->same_shape);
  }
}
