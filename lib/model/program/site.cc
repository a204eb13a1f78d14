#include "model/program/site.h"

#include "core/error.h"
#include "core/text.h"

namespace ckpt::program {

void Site::need_inputs(std::size_t least, std::size_t most) const {
  if (inputs.size() >= least && inputs.size() <= most) return;
  throw Error(Errc::kInvalid, cat("takes ",
                                  least == most ? count_of(least, "input")
                                                : cat(count_of(least, "input"), " at least"),
                                  ", not ", inputs.size()));
}

std::size_t Site::input(std::size_t i) {
  const Operand& operand = inputs.at(i);
  switch (operand.kind) {
    case Operand::Kind::kValue:
      return operand.position;
    case Operand::Kind::kNumber:
      throw Error(Errc::kInvalid, cat("takes no number as input ", i + 1, ", but a tensor"));
    case Operand::Kind::kVariable:
      break;
  }
  Operation op;
  op.kind = "variable";
  op.compute = emitter.graph().variables[operand.position].dtype;
  op.variables.push_back({"variable", operand.position});
  return add(std::move(op), {}).front();
}

std::optional<std::size_t> Site::variable(std::size_t i, std::size_t rank) const {
  const Operand& operand = inputs.at(i);
  if (operand.kind != Operand::Kind::kVariable) return std::nullopt;
  if (emitter.graph().variables[operand.position].shape.size() != rank) return std::nullopt;
  return operand.position;
}

Operation Site::operation(std::string_view of_kind, std::size_t like) const {
  Operation op;
  op.kind = of_kind;
  op.compute = value(like).dtype;
  return op;
}

std::vector<std::size_t> Site::add(Operation op, const std::vector<std::size_t>& values) {
  std::vector<Input> given;
  for (const std::size_t each : values) given.push_back({"", each});
  return emitter.add(name, call, std::move(op), std::move(given));
}

}  // namespace ckpt::program
