#include "support/mistakes.h"

#include <algorithm>

#include "core/text.h"
#include "support/mistake_recipes.h"

using namespace ckpt;

namespace {

// Every variable with a first axis of one row a device.
void stack_rows(MemoryCheckpoint& checkpoint, std::int64_t devices) {
  for (auto& [name, tensor, aliases] : checkpoint.variables) {
    tensor.shape.insert(tensor.shape.begin(), devices);
    const Bytes row = tensor.bytes;
    for (std::int64_t i = 1; i < devices; ++i) {
      tensor.bytes.insert(tensor.bytes.end(), row.begin(), row.end());
    }
  }
}

// What is a mistake of the file, and not of the program that made the variables.
void damage(Draft& d, FindingCode code, MemoryCheckpoint& checkpoint) {
  std::erase_if(checkpoint.variables, [&](const auto& v) { return d.left_out.contains(v.name); });
  for (const auto& v : d.imported.variables) checkpoint.add("import/" + v.name, v.tensor);
  for (auto prefix = d.prefixes.rbegin(); prefix != d.prefixes.rend(); ++prefix) {
    for (auto& v : checkpoint.variables) v.name.insert(0, *prefix + '/');
    for (Label& label : d.labels) {
      std::set<std::string> longer;
      for (const std::string& name : label.redundant) longer.insert(cat(*prefix, "/", name));
      label.redundant = std::move(longer);
    }
  }
  if (!d.labels.empty()) return;
  if (code == FindingCode::kReplica) {
    d.variant += ", rows";
    stack_rows(checkpoint, draw_one<std::int64_t>(d.rng, {2, 4, 8}));
    Label label{.code = code};
    for (const auto& v : checkpoint.variables) label.redundant.insert(v.name);
    d.labels = {std::move(label)};
  } else if (code == FindingCode::kAlias) {
    auto& shared = checkpoint.variables[d.rng() % checkpoint.variables.size()];
    shared.aliases = {"another/" + shared.name};
    d.labels = {{.code = code, .redundant = {shared.name}, .expected = Confidence::kExplained}};
  }
}

// Puts labelled checkpoints into one, each in a scope of its own.
void add_in_scope(Labelled& to, const std::string& scope, const Labelled& part) {
  const auto prefixed = [&](const std::set<std::string>& names) {
    std::set<std::string> longer;
    for (const std::string& name : names) longer.insert(scope + name);
    return longer;
  };
  for (const auto& v : part.checkpoint.variables) to.checkpoint.add(scope + v.name, v.tensor);
  for (Label label : part.labels) {
    label.redundant = prefixed(label.redundant);
    label.live = prefixed(label.live);
    // Averages are told in one finding, wherever they are.
    const auto same = std::ranges::find(to.labels, FindingCode::kAverageShadow, &Label::code);
    if (label.code == FindingCode::kAverageShadow && same != to.labels.end()) {
      same->redundant.merge(label.redundant);
    } else {
      to.labels.push_back(std::move(label));
    }
  }
  to.what += cat(to.what.empty() ? "" : " + ", part.what);
}

Labelled make_slashed(FindingCode code, std::uint64_t seed, bool& is_dotted) {
  Draft d(seed * 7919 + static_cast<std::uint64_t>(code));
  make(d, code);
  Labelled out{.what = {}, .checkpoint = d.net.save(), .labels = {}};
  damage(d, code, out.checkpoint);
  out.what = cat(name_of(code), " #", seed, ": ", describe(d.style), d.variant);
  out.labels = std::move(d.labels);
  is_dotted = d.style.is_dotted;
  return out;
}

}  // namespace

Labelled with_dots(Labelled labelled) {
  const auto dotted = [](std::string name) {
    std::ranges::replace(name, '/', '.');
    return name;
  };
  labelled.checkpoint.separator = '.';
  for (auto& v : labelled.checkpoint.variables) {
    v.name = dotted(std::move(v.name));
    for (std::string& alias : v.aliases) alias = dotted(std::move(alias));
  }
  for (Label& label : labelled.labels) {
    for (auto* names : {&label.redundant, &label.live}) {
      std::set<std::string> renamed;
      for (const std::string& name : *names) renamed.insert(dotted(name));
      *names = std::move(renamed);
    }
  }
  return labelled;
}

Labelled make_mistake(FindingCode code, std::uint64_t seed) {
  bool is_dotted = false;
  Labelled labelled = make_slashed(code, seed, is_dotted);
  return is_dotted ? with_dots(std::move(labelled)) : labelled;
}

Labelled make_several_mistakes(std::uint64_t seed) {
  std::mt19937_64 rng(seed * 15485863);
  Labelled out;
  const std::size_t count = 2 + rng() % 2;
  bool is_dotted = false;
  for (std::size_t i = 0; i < count; ++i) {
    const FindingCode code = draw_one<FindingCode>(
        rng, {FindingCode::kGhostTwin, FindingCode::kExactCopy, FindingCode::kRebuiltGraph});
    add_in_scope(out, cat("net_", static_cast<char>('a' + i), "/"),
                 make_slashed(code, rng() % 1000000, is_dotted));
  }
  Draft clean(rng());
  plain_network(clean);
  add_in_scope(out, "clean/",
               {.what = "a clean one", .checkpoint = clean.net.save(), .labels = {}});
  return is_dotted ? with_dots(std::move(out)) : out;
}
