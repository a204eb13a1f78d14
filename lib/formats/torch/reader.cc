#include "formats/torch/reader.h"

#include <mutex>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/roles.h"
#include "formats/io/swap.h"
#include "formats/torch/gather.h"

namespace ckpt::torch {
namespace {

// A view that repeats its elements may be larger than its file, but what is to be taken whole must
// not be a lie: gigabytes that repeat less than a thousandth of themselves.
constexpr std::uint64_t kLargeTensor = std::uint64_t{4} << 30;
constexpr std::uint64_t kMostRepeated = 1000;

std::size_t swap_unit(DType dtype) {
  return class_of(dtype) == DTypeClass::kComplex ? size_of(dtype) / 2 : size_of(dtype);
}

class TorchReader final : public Reader {
 public:
  explicit TorchReader(Content content)
      : content_(std::move(content)),
        cache_([this](std::size_t i, std::uint64_t offset, std::span<std::byte> out) {
          content_.source->read(i, offset, out);
        }) {
    Index& index = content_.index;
    index.separator = '.';
    index.layout = content_.tensors.layout;
    std::size_t expanded = 0;
    for (const auto& [name, aliases, view] : content_.tensors.views) {
      const bool numeric = is_numeric(view.dtype);
      Entry entry{.name = name, .dtype = view.dtype, .shape = view.shape, .aliases = aliases};
      entry.native_dtype = numeric ? "" : view.native;
      if (numeric && content_.big_endian && swap_unit(view.dtype) > 1) {
        entry.native_dtype = cat(">", name_of(view.dtype));
      }
      if (numeric) {
        entry.nbytes = *num_elements(view.shape) * view.element_size;
        if (entry.nbytes > storage_bytes(view)) ++expanded;
      }
      const auto after = view.offset > 0 ? cat("+", view.offset * view.element_size) : "";
      if (!content_.storages.empty()) {
        entry.own_place = cat(content_.source->name_of(view.storage), after);
      }
      index.entries.push_back(std::move(entry));
    }
    for (const std::string& note : content_.tensors.notes) index.notes.push_back(note);
    if (expanded > 0) {
      index.notes.push_back(cat(count_of(expanded, "variable"),
                                expanded == 1 ? " repeats its" : " repeat their",
                                " stored elements (a stride of 0)"));
    }
    assign_roles(index.entries, index.separator);
  }

  [[nodiscard]] const Index& index() const override { return content_.index; }

  [[nodiscard]] Details details(std::size_t i) const override {
    const View& view = content_.tensors.views[i].view;
    Details details;
    details.storage = place_of(content_.index.entries[i]);
    if (view.stride.empty() && !view.shape.empty()) return details;
    if (!is_contiguous(view.shape, view.stride)) {
      details.storage += cat(", strides ", ckpt::to_string(view.stride));
    }
    details.stored_bytes = std::min(storage_bytes(view), content_.index.entries[i].nbytes);
    details.attributes.push_back({"storage elements", cat(content_.storages[view.storage].count)});
    return details;
  }

 private:
  [[nodiscard]] std::uint64_t storage_bytes(const View& view) const {
    const Storage& storage = content_.storages[view.storage];
    return static_cast<std::uint64_t>(storage.count) * storage.type.size;
  }

  void do_check_whole(std::size_t i) const override {
    const View& view = content_.tensors.views[i].view;
    const std::uint64_t nbytes = content_.index.entries[i].nbytes;
    if (nbytes > kLargeTensor && nbytes / kMostRepeated > storage_bytes(view)) {
      throw Error(
          Errc::kUnsupported,
          cat(escape(content_.index.entries[i].name), ": declares ", with_commas(nbytes),
              " bytes and has ", with_commas(storage_bytes(view)), "; it is not taken whole"));
    }
  }

  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    const View& view = content_.tensors.views[i].view;
    try {
      if (is_contiguous(view.shape, view.stride)) {
        const auto start = static_cast<std::uint64_t>(view.offset) + first;
        content_.source->read(view.storage, start * view.element_size, out);
      } else {
        const std::lock_guard lock(mutex_);
        gather(cache_, view.storage, storage_bytes(view), view.element_size, view.shape,
               view.stride, view.offset, first, out);
      }
    } catch (const Error& e) {
      throw e.in(escape(content_.index.entries[i].name));
    }
    if (content_.big_endian) swap_units(out, swap_unit(view.dtype));
  }

  Content content_;
  mutable std::mutex mutex_;
  mutable PageCache cache_;
};

}  // namespace

std::unique_ptr<Reader> make_reader(Content content) {
  return std::make_unique<TorchReader>(std::move(content));
}

}  // namespace ckpt::torch
