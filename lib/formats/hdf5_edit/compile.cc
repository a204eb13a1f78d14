#include "formats/hdf5_edit/compile.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_set.h"
#include "core/text.h"
#include "scope/tree_moves.h"

namespace ckpt::hdf5 {
namespace {

class Compiler {
 public:
  Compiler(LinkTree links, Naming naming, const Wishes& wishes, const Edit& edit)
      : naming_(std::move(naming)), wishes_(wishes), edit_(edit) {
    work_.expected = std::move(links);
    work_.notes = std::move(naming_.notes);
    work_.strings = std::move(naming_.strings);
    moves_ = std::move(naming_.leaves);
  }

  Work run() {
    work_.expected.remember_soft_targets();
    make_puts();
    if (!naming_.groups.empty()) move_groups();
    carry_out(moves_);
    for (const Operation& texts : naming_.texts) {
      if (!texts.path.empty() && work_.expected.find(texts.path) == nullptr) {
        throw Error(Errc::kConflict,
                    cat("/", escape(texts.path), " would not be there any more, and its attribute ",
                        escape(texts.to), " has to change"));
      }
      work_.operations.push_back(texts);
    }
    mend_soft_links();
    for (const auto& place : naming_.puts) {
      work_.puts.push_back(work_.expected.find(place)->object);
      work_.places.push_back(place);
    }
    return std::move(work_);
  }

 private:
  void add(Operation&& operation) {
    work_.expected.apply(operation);
    work_.operations.push_back(std::move(operation));
  }

  void make_puts() {
    if (edit_.puts.empty()) return;
    std::unordered_map<std::string_view, std::size_t> by_name;
    for (std::size_t i = 0; i < wishes_.names.size(); ++i) {
      by_name.emplace(wishes_.names[i].from, i);
    }
    std::size_t counter = 0;
    for (std::size_t p = 0; p < edit_.puts.size(); ++p) {
      const Put& put = edit_.puts[p];
      std::string path;
      do {
        path = cat("ckpt-new-", ++counter);
      } while (work_.expected.find(path) != nullptr);
      const std::string_view place = work_.strings.add(path);
      add({.kind = Operation::Kind::kCreate,
           .path = place,
           .dtype = put.spec.dtype,
           .shape = put.spec.shape});
      moves_.push_back({place, work_.strings.add(naming_.puts[p])});
      const auto it = by_name.find(put.replaces);
      if (it == by_name.end()) continue;
      add({.kind = Operation::Kind::kCopyAttributes, .path = moves_[it->second].from, .to = place});
    }
  }

  // First whole layers: their groups carry attributes, and must not be made anew.
  void move_groups() {
    std::vector<PathMoveView> moves;
    for (const PathMoveView& move : moves_) {
      const std::pair<std::string, std::string>* best = nullptr;
      for (const auto& group : naming_.groups) {
        const bool is_in = move.from.starts_with(cat(group.first, "/"));
        if (is_in && (best == nullptr || group.first.size() > best->first.size())) best = &group;
      }
      moves.push_back({move.from, best == nullptr
                                      ? move.from
                                      : work_.strings.add(cat(
                                            best->second, move.from.substr(best->first.size())))});
    }
    std::vector<ObjectId> ids;
    for (const auto& [from, to] : naming_.groups) ids.push_back(work_.expected.find(from)->object);
    carry_out(moves);
    for (std::size_t i = 0; i < moves.size(); ++i) moves_[i].from = moves[i].to;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto& [from, to] = naming_.groups[i];
      const TreeLink* link = work_.expected.find(to);
      if (link == nullptr || link->object != ids[i]) {
        throw Error(Errc::kConflict, cat("the group /", escape(from), " cannot become /",
                                         escape(to), " as a whole: something else is in the way"));
      }
    }
  }

  void carry_out(const std::vector<PathMoveView>& moves) {
    const auto steps = compile_moves(moves, others_beside(moves), '/', work_.strings);
    work_.operations.reserve(work_.operations.size() + steps.size());
    for (const Step& step : steps) carry_out(step);
  }

  // What is there beside the variables: a path that ends in "/" is a scope to be kept.
  [[nodiscard]] std::vector<std::string_view> others_beside(
      const std::vector<PathMoveView>& moves) {
    std::optional<NameSet> leaves;
    std::size_t next = 0;  // the leaf that is expected: mostly they are met in the moves' order
    const auto is_leaf = [&](std::string_view path) {
      if (next < moves.size() && moves[next].from == path) {
        ++next;
        return true;
      }
      if (!leaves) {
        leaves.emplace(moves.size());
        for (const auto& move : moves) leaves->insert(move.from);
      }
      return leaves->contains(path);
    };
    std::vector<std::string_view> others;
    work_.expected.visit([&](const std::string& path, const TreeLink&, const LinkGroup* entered) {
      if (entered == nullptr) {
        if (!is_leaf(path)) others.push_back(work_.strings.add(path));
      } else if (entered->has_attributes() || entered->size() == 0) {
        others.push_back(work_.strings.add(path + "/"));
      }
    });
    return others;
  }

  void carry_out(const Step& step) {
    switch (step.kind) {
      case StepKind::kMove:
        make_scopes_above(step.to);
        add({.kind = Operation::Kind::kMove, .path = step.from, .to = step.to});
        break;
      case StepKind::kDrop:
        add({.kind = Operation::Kind::kRemove, .path = step.from});
        break;
      case StepKind::kRemoveEmpty:
        check_empty(step.from);
        add({.kind = Operation::Kind::kRemove, .path = step.from});
        break;
    }
  }

  void make_scopes_above(std::string_view path) {
    if (work_.expected.find_group(parent_path(path)) != nullptr) return;
    for (auto at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
      const std::string_view scope = path.substr(0, at);
      if (work_.expected.find_group(scope) != nullptr) continue;
      add({.kind = Operation::Kind::kMakeGroup, .path = scope});
    }
  }

  // The last guard against losing a variable: a scope that goes away holds only empty scopes.
  void check_empty(std::string_view path) const {
    std::vector<const LinkGroup*> left{work_.expected.find_group(path)};
    while (!left.empty()) {
      const LinkGroup* group = left.back();
      left.pop_back();
      if (group == nullptr) throw Error(Errc::kConflict, cat("/", escape(path), " is no group"));
      for (const TreeLink* link : group->by_name()) {
        const LinkGroup* below = work_.expected.group(link->object);
        if (link->kind != Link::Kind::kHard || below == nullptr) {
          throw Error(Errc::kConflict, cat("/", escape(path),
                                           " is not empty when it is to be "
                                           "removed: it holds '",
                                           escape(link->name), "'"));
        }
        left.push_back(below);
      }
    }
  }

  // A soft link keeps a path; what matters is the object that the path led to.
  void mend_soft_links() {
    if (!work_.expected.has_soft_links()) return;
    std::vector<std::pair<std::string, TreeLink>> links;
    work_.expected.visit([&](const std::string& path, const TreeLink& link, const LinkGroup*) {
      if (link.kind == Link::Kind::kSoft && link.object != 0) links.emplace_back(path, link);
    });
    for (const auto& [path, link] : links) {
      if (work_.expected.resolve_soft(path, link.target) == link.object) continue;
      const std::string target = work_.expected.path_to(link.object);
      if (target.empty()) {
        work_.notes.push_back(cat("/", escape(path),
                                  ": the soft link leads nowhere now, since what it led to was "
                                  "dropped"));
        continue;
      }
      add({.kind = Operation::Kind::kLink,
           .path = work_.strings.add(path),
           .to = work_.strings.add(cat("/", target))});
    }
  }

  Naming naming_;
  const Wishes& wishes_;
  const Edit& edit_;
  Work work_;
  std::vector<PathMoveView> moves_;  // of the leaves from where they are now, then of the puts
};

}  // namespace

Work compile(LinkTree links, Naming naming, const Wishes& wishes, const Edit& edit) {
  return Compiler(std::move(links), std::move(naming), wishes, edit).run();
}

EditOperations report_of(std::span<const Operation> operations) {
  using Kind = EditOperation::Kind;
  EditOperations report;
  report.reserve(operations.size());
  const auto kind_of = [](Operation::Kind kind) -> std::optional<Kind> {
    switch (kind) {
      case Operation::Kind::kMakeGroup:
        return Kind::kMakeScope;
      case Operation::Kind::kMove:
        return Kind::kMove;
      case Operation::Kind::kRemove:
        return Kind::kDrop;
      case Operation::Kind::kLink:
        return Kind::kLink;
      case Operation::Kind::kTexts:
        return Kind::kText;
      case Operation::Kind::kCreate:
        return Kind::kCreate;
      case Operation::Kind::kCopyAttributes:
        break;  // a part of what kCreate means
    }
    return std::nullopt;
  };
  for (const Operation& operation : operations) {
    if (const auto kind = kind_of(operation.kind)) {
      report.add(*kind, operation.path, operation.to);
    }
  }
  return report;
}

}  // namespace ckpt::hdf5
