#include "scope/role.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace ckpt;

namespace {

std::map<std::string, std::string> roles(const std::map<std::string, Shape>& variables) {
  std::vector<Leaf> leaves;
  for (const auto& [name, shape] : variables) leaves.push_back({name, &shape});
  const auto found = roles_of(leaves, '/');
  std::map<std::string, std::string> out;
  for (std::size_t i = 0; i < found.size(); ++i)
    out[std::string(leaves[i].name)] = name_of(found[i]);
  return out;
}

}  // namespace

TEST_SUITE("scope/role") {
  TEST_CASE("Adam's two slots and powers are slots, the variable is not") {
    const auto r = roles({{"d/kernel", {4, 2}},
                          {"d/kernel/Adam", {4, 2}},
                          {"d/kernel/Adam_1", {4, 2}},
                          {"beta1_power", {}},
                          {"train/beta2_power_1", {}}});
    CHECK(r.at("d/kernel") == "variable");
    CHECK(r.at("d/kernel/Adam") == "slot");
    CHECK(r.at("d/kernel/Adam_1") == "slot");
    CHECK(r.at("beta1_power") == "slot");
    CHECK(r.at("train/beta2_power_1") == "slot");
  }

  TEST_CASE("a slot made inside a scope has that scope in front and is a slot all the same") {
    CHECK(roles({{"m/kernel", {3}}, {"train/m/kernel/Momentum", {3}}})
              .at("train/m/kernel/Momentum") == "slot");
  }

  TEST_CASE("a name is no proof: without an owner of its shape it is an ordinary variable") {
    CHECK(roles({{"dense/Adam", {3}}}).at("dense/Adam") == "variable");
    CHECK(roles({{"dense", {4}}, {"dense/Adam", {3}}}).at("dense/Adam") == "variable");
  }

  TEST_CASE("moving averages and the helpers of zero-debiasing are averages") {
    const auto r = roles({{"w", {3}},
                          {"w/ExponentialMovingAverage", {3}},
                          {"bn/moving_mean", {8}},
                          {"bn/bn/moving_mean/biased", {8}},
                          {"bn/bn/moving_mean/local_step", {}}});
    CHECK(r.at("w/ExponentialMovingAverage") == "average");
    CHECK(r.at("bn/moving_mean") == "variable");
    CHECK(r.at("bn/bn/moving_mean/biased") == "average");
    CHECK(r.at("bn/bn/moving_mean/local_step") == "average");
  }

  TEST_CASE("whatever stands under an optimizer's scope is a slot") {
    CHECK(roles({{"optimizer/vars/3", {3}}}).at("optimizer/vars/3") == "slot");
    CHECK(roles({{"optimizer", {3}}}).at("optimizer") == "variable");
  }

  TEST_CASE("a companion is told by the owner's whole name") {
    CHECK(is_companion("d/kernel/Adam_1", "d/kernel", '/'));
    CHECK(is_companion("train/d/kernel/Adam", "d/kernel", '/'));
    CHECK_FALSE(is_companion("bad/kernel/Adam", "d/kernel", '/'));
    CHECK(is_companion("optimizer/adam/d/kernel/m", "d/kernel", '/'));
    CHECK_FALSE(is_companion("optimizer/adam/d/kernel_2/m", "d/kernel", '/'));
  }
}
