#include "formats/safetensors/edited_header.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/safetensors/dtypes.h"
#include "formats/safetensors/header_text.h"

namespace ckpt::safetensors {
namespace {

Tensor row_of(const Put& put) {
  const VariableSpec& spec = put.spec;
  return {.name = spec.name,
          .dtype = spec.dtype,
          .stored_dtype = dtype_word(spec.dtype),
          .shape = spec.shape,
          .begin = 0,
          .end = tensor_bytes(spec.dtype, spec.shape)};
}

void check(const Wishes& wishes, const Edit& edit) {
  std::vector<std::string> problems;
  const auto check_name = [&](std::string_view name) {
    if (std::string fault = fault_of_name(name); !fault.empty()) {
      problems.push_back(std::move(fault));
    }
  };
  for (const auto& name : wishes.names) check_name(name.to);
  for (const Put& put : edit.puts) {
    check_name(put.spec.name);
    if (dtype_rank(put.spec.dtype) < 0) {
      problems.push_back(cat("'", escape(put.spec.name), "' would be ", name_of(put.spec.dtype),
                             ", a type that safetensors does not have"));
    }
  }
  if (!problems.empty()) throw Error(Errc::kInvalid, join(problems, "; "));
}

}  // namespace

EditedHeader edit_header(const Header& old, const Wishes& wishes, const Edit& edit) {
  check(wishes, edit);
  std::multimap<std::string_view, std::size_t> puts_at;  // what they replace → which
  for (std::size_t p = 0; p < edit.puts.size(); ++p) puts_at.emplace(edit.puts[p].replaces, p);

  EditedHeader result;
  result.header.metadata = old.metadata;
  result.header.tensors.reserve(old.tensors.size() + edit.puts.size());
  result.parts.reserve(old.tensors.size() + edit.puts.size());
  const auto add = [&](Tensor row, std::size_t from, bool is_put) {
    result.parts.push_back({static_cast<std::uint32_t>(from),
                            static_cast<std::uint32_t>(result.header.tensors.size()), is_put});
    result.header.tensors.push_back(std::move(row));
  };
  const auto add_puts = [&](std::string_view replaced) {
    const auto [begin, end] = puts_at.equal_range(replaced);
    for (auto it = begin; it != end; ++it) add(row_of(edit.puts[it->second]), it->second, true);
    puts_at.erase(begin, end);
  };
  for (std::size_t i = 0; i < old.tensors.size(); ++i) {
    if (!wishes.names[i].to.empty()) {
      Tensor row = old.tensors[i];
      row.name = wishes.names[i].to;
      add(std::move(row), i, false);
    }
    add_puts(old.tensors[i].name);
  }
  while (!puts_at.empty()) add_puts(puts_at.begin()->first);

  const auto rank = [&](const EditedHeader::Part& part) {
    return edit.puts.empty() ? 0 : -dtype_rank(result.header.tensors[part.row].dtype);
  };
  const auto place = [&](const EditedHeader::Part& part) {
    return part.is_put ? ~std::uint64_t{0} : old.tensors[part.from].begin;
  };
  std::ranges::stable_sort(result.parts, {}, [&](const EditedHeader::Part& part) {
    return std::pair(rank(part), place(part));
  });
  std::uint64_t end = 0;
  for (const auto& part : result.parts) {
    Tensor& row = result.header.tensors[part.row];
    const std::uint64_t size = row.end - row.begin;
    if (part.is_put || row.begin != end) result.is_data_same = false;
    row.begin = end;
    row.end = end += size;
  }
  if (result.parts.size() != old.tensors.size()) result.is_data_same = false;
  return result;
}

}  // namespace ckpt::safetensors
