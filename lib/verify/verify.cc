#include "verify/verify.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "verify/diagnosing/patched_reader.h"
#include "verify/forward/bound.h"
#include "verify/forward/golden.h"
#include "verify/forward/influence.h"
#include "verify/forward/output_check.h"
#include "verify/forward/worst_row.h"
#include "verify/wiring.h"

namespace ckpt {
namespace {

// Work of all forward passes that are done without being asked for: some seconds.
constexpr double kQuickWork = 1e9;

// A network and the checkpoint that it reads.
struct Side {
  const Graph* graph = nullptr;
  const Reader* reader = nullptr;
};

class Verifier {
 public:
  explicit Verifier(const VerifyRequest& request) : request_(request) {}

  Verification run() {
    if (request_.old != nullptr) {
      result_.variables = check_variables(*request_.expected, *request_.found, request_.origins);
    }
    judge_variables();
    if (has_networks()) check_forward();
    find_fault();
    find_influence();
    count_proofs();
    judge();
    return std::move(result_);
  }

 private:
  void differs(std::string reason) {
    result_.verdict = Verdict::kDifferent;
    result_.reasons.push_back(std::move(reason));
  }

  [[nodiscard]] std::vector<const VariableCheck*> of(Standing standing) const {
    std::vector<const VariableCheck*> out;
    for (const VariableCheck& check : result_.variables) {
      if (check.standing == standing) out.push_back(&check);
    }
    return out;
  }

  void judge_variables() {
    const auto count = [&](Standing standing, std::string_view what) {
      const auto checks = of(standing);
      if (checks.empty()) return;
      const bool one = checks.size() == 1;
      differs(cat(count_of(checks.size(), "variable"), " ", what, ", ", one ? "" : "first ",
                  in_quotes(checks.front()->name)));
    };
    count(Standing::kLost, "of OLD missing in NEW");
    count(Standing::kAdded, "in NEW that OLD has not");
    count(Standing::kSpec, "with another dtype or shape");
    const auto is_matched = [](const VariableCheck& check) {
      return check.standing != Standing::kLost && check.standing != Standing::kAdded;
    };
    if (!result_.variables.empty() && std::ranges::none_of(result_.variables, is_matched)) {
      result_.verdict = Verdict::kNotComparable;
      result_.reasons = {
          "no variable of NEW has the name of one of OLD; --map says how they "
          "correspond, a map file or the receipt of the remap"};
    }
  }

  // Sets both sides; false, with the reason, where there is nothing to run.
  bool has_networks() {
    const auto& o = request_.old_network;
    const auto& n = request_.new_network;
    if (!request_.misfit.empty()) {
      differs(request_.misfit);
      result_.no_forward = "NEW does not fit its own network";
      return false;
    }
    if (!o && !n) {
      result_.no_forward = request_.no_network;
      return false;
    }
    if (request_.old != nullptr) {
      was_ = o ? Side{o->graph, request_.old} : Side{n->graph, request_.expected};
    }
    is_ = n ? Side{n->graph, request_.found} : Side{o->graph, request_.returned};
    if (is_.reader == nullptr) {
      result_.no_forward = "NEW cannot be seen under OLD's names, and has no network of its own";
      return false;
    }
    has_both_ = o && n;
    same_wiring_ = !has_both_ || same_wiring(*o->graph, *n->graph);
    ForwardCheck& forward = result_.forward.emplace();
    forward.old_graph = request_.old == nullptr ? "" : o ? o->words : "that of NEW, names mapped";
    forward.new_graph = n                              ? n->words
                        : is_.reader == request_.found ? "that of OLD"
                                                       : "that of OLD, names mapped";
    return true;
  }

  // There is no forward pass after all.
  void give_up(std::string why) {
    result_.no_forward = std::move(why);
    result_.forward.reset();
  }

  [[nodiscard]] Probe made_probe(const Graph& graph) const {
    try {
      return make_probe(graph, request_.seed);
    } catch (const Error& e) {
      throw with_hint(e);
    }
  }

  // Inputs that are made may be none that a network can take.
  [[nodiscard]] Error with_hint(const Error& e) const {
    if (request_.probe) return e;
    return Error(e.code(), cat(e.what(),
                               "; the inputs were made from a seed, --inputs NPZ gives "
                               "others"));
  }

  void check_forward() {
    ForwardCheck& forward = *result_.forward;
    const Graph& graph = was_.graph == nullptr ? *is_.graph : *was_.graph;
    const Probe probe = request_.probe ? *request_.probe : made_probe(graph);
    inputs_ = probe.inputs;
    forward.inputs = probe.words;
    try {
      options_ = engine_for(request_.engines, graph, inputs_);
    } catch (const Error& e) {
      throw with_hint(was_.graph != nullptr && request_.old_network ? e.in("OLD") : e);
    }
    forward.engine = options_.engine;
    RunOptions options = options_;
    options.layers = was_.graph == nullptr && !request_.golden.empty();
    RunResult was;
    if (was_.graph != nullptr) {
      try {
        was = ckpt::run(*was_.graph, *was_.reader, inputs_, options_);
      } catch (const Error& e) {
        if (request_.old_network) throw with_hint(e.in("OLD"));
        return give_up(cat("OLD does not fit the network of NEW: ", e.what()));
      }
    }
    try {
      new_result_ = ckpt::run(*is_.graph, *is_.reader, inputs_, options);
    } catch (const Error& e) {
      if (was_.graph == nullptr) throw with_hint(e);
      differs(cat("NEW cannot be run on the inputs that OLD was run on: ", e.what()));
      return give_up("NEW cannot be run");
    }
    forward.references = new_result_.references;
    if (request_.engines.choice == EngineChoice::kBoth) check_engines();
    if (was_.graph == nullptr) {
      Golden golden = match_golden(request_.golden, std::move(new_result_));
      was = std::move(golden.was);
      new_result_ = std::move(golden.is);
      forward.unmatched = std::move(golden.unknown);
    }
    if (was.outputs.size() != new_result_.outputs.size()) {
      differs(cat("the network of NEW has ", count_of(new_result_.outputs.size(), "output"),
                  ", that of OLD ", was.outputs.size()));
      return give_up("the networks have other outputs");
    }
    forward.tolerance = tolerance();
    forward.outputs = check_outputs(was.outputs, new_result_.outputs, forward.tolerance);
    if (request_.labels) {
      forward.old_accuracy = accuracy_of(was.outputs.front().tensor, *request_.labels);
      forward.new_accuracy = accuracy_of(new_result_.outputs.front().tensor, *request_.labels);
    }
    old_outputs_ = std::move(was.outputs);
    old_layers_ = std::move(was.layers);
    if (agreement_of(forward.outputs) == Agreement::kDiffers) {
      forward.first_difference = was_.graph == nullptr ? first_golden_layer() : first_layer();
    }
  }

  void check_engines() {
    const EngineComparison& engines = result_.forward->engines.emplace(
        compare_engines(request_.engines, *is_.graph, *is_.reader, inputs_, new_result_.outputs));
    if (!engines.agree) {
      differs(cat("the reference and the fast engine disagree on NEW, in ",
                  in_quotes(engines.worst.name),
                  ": one of them is wrong, or the network magnifies rounding errors"));
    }
  }

  [[nodiscard]] Tolerance tolerance() const {
    if (request_.rtol || request_.atol) {
      return {request_.rtol.value_or(0), request_.atol.value_or(0), "as asked for"};
    }
    if (was_.graph == nullptr) return rounding_bound(concrete(*is_.graph), 0, options_.engine);
    const double unit = stored_unit();
    if (unit == 0 && same_wiring_) {
      return {0, 0, "bit for bit, since no value was rounded"};
    }
    return rounding_bound(concrete(*is_.graph), unit, options_.engine);
  }

  // The coarsest rounding that the operations of a remap did to a variable.
  [[nodiscard]] double stored_unit() const {
    double unit = 0;
    for (const Entry& entry : request_.expected->index().entries) {
      const auto origin = request_.origins.find(entry.name);
      const auto before = request_.old->find(
          origin == request_.origins.end() ? entry.name : origin->second.front());
      if (before && request_.old->index().entries[*before].dtype != entry.dtype) {
        unit = std::max(unit, rounding_unit(entry.dtype));
      }
    }
    return unit;
  }

  [[nodiscard]] std::optional<OutputCheck> first_golden_layer() const {
    return first_difference(
        check_outputs(old_layers_, new_result_.layers, result_.forward->tolerance));
  }

  // Runs both networks again for their layers, on the row whose output differs most.
  [[nodiscard]] std::optional<OutputCheck> first_layer() const {
    if (!same_wiring_ || was_.graph->layers.size() != is_.graph->layers.size()) return std::nullopt;
    const auto& outputs = result_.forward->outputs;
    const auto worst = std::ranges::max_element(
        outputs, {}, [](const OutputCheck& check) { return check.difference.max_rel(); });
    const auto at = static_cast<std::size_t>(worst - outputs.begin());
    const std::vector<Tensor> inputs =
        worst_row(*is_.graph, inputs_, old_outputs_[at].tensor, new_result_.outputs[at].tensor);
    RunOptions options = options_;
    options.layers = true;
    const RunResult was = ckpt::run(*was_.graph, *was_.reader, inputs, options);
    const RunResult is = ckpt::run(*is_.graph, *is_.reader, inputs, options);
    return first_difference(check_outputs(was.layers, is.layers, result_.forward->tolerance));
  }

  // The variables that are not what they should be, in the views in which they can be compared.
  struct Suspicion {
    const Reader* was = nullptr;
    const Reader* is = nullptr;
    std::vector<Suspect> suspects;
  };

  [[nodiscard]] Suspicion suspicion() const {
    Suspicion out;
    const bool by_part = result_.forward && has_both_ && same_wiring_;
    const bool is_mapped =
        result_.forward && is_.reader == request_.returned && request_.returned != request_.found;
    out.was = by_part || is_mapped ? request_.old : request_.expected;
    out.is = is_mapped ? request_.returned : request_.found;
    std::map<std::string_view, const VariableCheck*> checks;
    for (const VariableCheck& check : result_.variables) checks.emplace(check.name, &check);
    std::set<std::string> taken;
    if (by_part) {
      for (const Counterparts& pair : counterparts(*was_.graph, *is_.graph)) {
        const auto it = checks.find(pair.is);
        const bool is_right =
            it != checks.end() && it->second->standing == Standing::kSame &&
            (it->second->origin.empty() ? pair.is == pair.was
                                        : it->second->origin == std::vector{pair.was});
        taken.insert(pair.is);
        if (!is_right) out.suspects.push_back({pair.is, pair.was, pair.is, pair.block});
      }
    }
    for (const VariableCheck* check : of(Standing::kValues)) {
      if (taken.contains(check->name)) continue;
      if (out.was == request_.expected) {
        out.suspects.push_back({check->name, check->name, check->name, block_of(check->name)});
      } else if (check->origin.size() <= 1) {
        const std::string& was = check->origin.empty() ? check->name : check->origin.front();
        out.suspects.push_back({check->name, was, is_mapped ? was : check->name, block_of(was)});
      }
    }
    return out;
  }

  // What parts of a stored variable are called, by the network that reads it.
  [[nodiscard]] std::string block_of(const std::string& name) const {
    const Graph* graph = is_.graph;
    if (graph != nullptr) {
      for (const Counterparts& pair : counterparts(*graph, *graph)) {
        if (pair.is == name) return pair.block;
      }
    }
    return "block";
  }

  void find_fault() {
    if (request_.old == nullptr) return;
    const Suspicion suspicion = this->suspicion();
    const bool outputs_differ =
        result_.forward && agreement_of(result_.forward->outputs) == Agreement::kDiffers;
    std::vector<KnownFault> known;
    Graph mended;
    const Graph* graph = is_.graph;
    if (outputs_differ && has_both_ && same_wiring_) {
      for (const auto& [layer, name, was, is] : attribute_differences(*was_.graph, *is_.graph)) {
        known.push_back({cat(name, " of the layer ", in_quotes(layer), " is ", is, ", was ", was),
                         cat(name, " of ", in_quotes(layer), " is ", was)});
      }
      mended = with_attributes_of(*was_.graph, *is_.graph);
      graph = &mended;
    }
    if (suspicion.suspects.empty() && known.empty()) return;
    TryOut try_out;
    if (outputs_differ) {
      try_out = [&](const Reader& reader) {
        const RunResult result = ckpt::run(*graph, reader, inputs_, options_);
        return agreement_of(check_outputs(old_outputs_, result.outputs,
                                          rounding_bound(concrete(*graph), 0, options_.engine)));
      };
    }
    std::vector<Shape> images;
    if (is_.graph != nullptr && !inputs_.empty() && result_.forward) {
      images = flattened_shapes(concrete(*is_.graph));
    }
    Diagnosis diagnosis =
        diagnose({*suspicion.was, *suspicion.is, suspicion.suspects, images, try_out, known});
    if (diagnosis.faults.empty()) return;
    // A variable with the bytes that the map says, which plays the part of another one.
    for (const VariableCheck* check : of(Standing::kSame)) {
      if (std::ranges::find(diagnosis.names, check->name) != diagnosis.names.end()) {
        misplaced_.insert(check->name);
      }
    }
    result_.diagnosis = std::move(diagnosis);
  }

  [[nodiscard]] Graph concrete(const Graph& graph) const {
    std::vector<Value> values;
    for (const Tensor& input : inputs_) values.push_back({input.dtype, input.shape});
    return with_inputs(graph, values);
  }

  void find_influence() {
    if (!result_.forward) return;
    ForwardCheck& forward = *result_.forward;
    if (agreement_of(forward.outputs) == Agreement::kDiffers) return;
    const auto passes = static_cast<double>(stored_variables(*is_.graph).size());
    if (!request_.test_influence && passes * work_of(concrete(*is_.graph)) > kQuickWork) return;
    forward.influence_tested = true;
    for (const std::string& name :
         unseen_variables(*is_.graph, *is_.reader, inputs_, options_, new_result_.outputs)) {
      forward.unseen.push_back(new_name(name));
    }
  }

  // What NEW calls a variable that the network of its side reads.
  [[nodiscard]] std::string new_name(const std::string& name) const {
    if (is_.reader == request_.found) return name;
    for (const auto& [is, origin] : request_.origins) {
      if (std::ranges::find(origin, name) != origin.end()) return is;
    }
    return name;
  }

  // Would the outputs be others if this variable alone had its old values?
  [[nodiscard]] bool shows(const VariableCheck& check) const {
    if (is_.reader != request_.found || request_.expected == nullptr) return false;
    const auto entry = request_.expected->find(check.name);
    PatchedReader patched(*request_.found);
    patched.replace(check.name, request_.expected->read(entry.value()));
    const RunResult result = ckpt::run(*is_.graph, patched, inputs_, options_);
    return agreement_of(check_outputs(new_result_.outputs, result.outputs, {})) !=
           Agreement::kIdentical;
  }

  void count_proofs() {
    std::set<std::string> by_outputs;
    const bool agrees =
        result_.forward && agreement_of(result_.forward->outputs) != Agreement::kDiffers;
    if (agrees && result_.forward->influence_tested) {
      for (const std::string& name : stored_variables(*is_.graph)) {
        by_outputs.insert(new_name(name));
      }
      for (const std::string& name : result_.forward->unseen) by_outputs.erase(name);
    }
    const bool is_tolerant = agrees && (request_.rtol || request_.atol);
    for (const VariableCheck& check : result_.variables) {
      if (check.standing == Standing::kLost) continue;
      const bool is_misplaced = misplaced_.contains(check.name);
      const bool by_bytes = check.standing == Standing::kSame && !is_misplaced;
      bool by_output = by_outputs.contains(check.name);
      if (!by_bytes) {
        by_output = by_output && !is_misplaced && is_tolerant &&
                    check.standing == Standing::kValues && shows(check);
      }
      add_proof(check.name, by_bytes, by_output);
    }
    if (request_.old != nullptr) return;
    for (const Entry& entry : request_.found->index().entries) {
      add_proof(entry.name, false, by_outputs.contains(entry.name));
    }
  }

  void add_proof(const std::string& name, bool by_bytes, bool by_output) {
    if (by_bytes) ++result_.proven_by_bytes;
    if (by_output) ++result_.proven_by_outputs;
    if (!by_bytes && !by_output) result_.proven_by_neither.push_back(name);
  }

  void judge() {
    const std::set<std::string> neither(result_.proven_by_neither.begin(),
                                        result_.proven_by_neither.end());
    std::vector<std::string> wrong;
    for (const VariableCheck* check : of(Standing::kValues)) {
      if (neither.contains(check->name)) wrong.push_back(check->name);
    }
    const bool outputs_differ =
        result_.forward && agreement_of(result_.forward->outputs) == Agreement::kDiffers;
    if (!wrong.empty()) {
      differs(cat(count_of(wrong.size(), "variable"), wrong.size() == 1 ? " has" : " have",
                  " other bytes, ", wrong.size() == 1 ? "" : "first ", in_quotes(wrong.front()),
                  result_.forward && !outputs_differ
                      ? "; the forward pass does not show it, the bytes decide"
                      : ""));
    }
    if (!misplaced_.empty()) {
      const bool one = misplaced_.size() == 1;
      differs(cat(count_of(misplaced_.size(), "variable"), one ? " is" : " are",
                  " not where the network of NEW looks for ", one ? "it" : "them", ", ",
                  one ? "" : "first ", in_quotes(*misplaced_.begin())));
    }
    if (outputs_differ) differs("the outputs differ");
    if (!result_.forward && request_.require_forward && result_.verdict == Verdict::kSame) {
      result_.verdict = Verdict::kNotComparable;
      result_.reasons.push_back(cat("no forward pass was run: ", result_.no_forward));
    }
  }

  const VerifyRequest& request_;
  Verification result_;
  Side was_;  // no graph where there is a record
  Side is_;
  std::set<std::string> misplaced_;
  bool has_both_ = false;  // each side has a network of its own
  bool same_wiring_ = true;
  std::vector<Tensor> inputs_;
  RunOptions options_;  // the engine: the same for all that is compared
  std::vector<NamedTensor> old_outputs_;
  std::vector<NamedTensor> old_layers_;
  RunResult new_result_;
};

}  // namespace

Verification verify(const VerifyRequest& request) { return Verifier(request).run(); }

}  // namespace ckpt
