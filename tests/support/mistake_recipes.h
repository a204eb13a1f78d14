#pragma once

#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/mistakes.h"
#include "support/trainee.h"

// How each mistake is made, as the programs of the reports made it.

// A mistake in the making. What is left open is filled in by make_mistake().
struct Draft {
  explicit Draft(std::uint64_t seed) : rng(seed), style(draw_style(rng)), net(rng()) {}

  std::mt19937_64 rng;
  Style style;
  Trainee net;
  std::string variant = {};
  std::vector<Label> labels = {};
  std::set<std::string> left_out = {};     // variables that are not saved
  ckpt::MemoryCheckpoint imported = {};    // put under "import/"
  std::vector<std::string> prefixes = {};  // put before all names
};

// Makes a mistake of that class in one of the ways it comes about, drawn too. Of a replica or an
// alias it may be the file's, and then the network is a plain one and there are no labels yet.
void make(Draft& d, ckpt::FindingCode code);

// A network in which nothing is wrong.
void plain_network(Draft& d);
