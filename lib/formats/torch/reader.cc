#include "formats/torch/reader.h"

#include <algorithm>
#include <iterator>
#include <mutex>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/roles.h"
#include "formats/io/swap.h"
#include "formats/torch/gather.h"
#include "formats/torch/tensors.h"

namespace ckpt::torch {
namespace {

// A view that repeats its elements may be larger than its file, but what is to be taken whole must
// not be a lie: gigabytes that repeat less than a thousandth of themselves.
constexpr std::uint64_t kLargeTensor = std::uint64_t{4} << 30;
constexpr std::uint64_t kMostRepeated = 1000;

std::size_t swap_unit(DType dtype) {
  return class_of(dtype) == DTypeClass::kComplex ? size_of(dtype) / 2 : size_of(dtype);
}

// The entry of a view, without aliases. `source` is null where the pickle has no storages.
Entry entry_of(const Pickle& pickle, const NamedView& named, const StorageSource* source,
               bool big_endian) {
  const View& view = pickle.views[named.view];
  const auto shape = pickle.shape_of(view);
  Entry entry{.name = std::string(named.name),
              .dtype = view.dtype,
              .shape = Shape(shape.begin(), shape.end())};
  if (!is_numeric(view.dtype)) {
    entry.native_dtype = view.native;
  } else {
    if (big_endian && swap_unit(view.dtype) > 1) {
      entry.native_dtype = cat(">", name_of(view.dtype));
    }
    entry.nbytes = *num_elements(entry.shape) * view.element_size;
  }
  const auto skipped = static_cast<std::uint64_t>(view.offset) * view.element_size;
  if (source != nullptr) {
    entry.own_place = cat(source->name_of(view.storage), skipped > 0 ? cat("+", skipped) : "");
  }
  return entry;
}

class TorchReader final : public Reader {
 public:
  explicit TorchReader(Content content)
      : index_(std::move(content.index)),
        source_(std::move(content.source)),
        big_endian_(content.big_endian),
        cache_([this](std::size_t i, std::uint64_t offset, std::span<std::byte> out) {
          source_->read(i, offset, out);
        }) {
    Pickle& pickle = content.pickle;
    Tensors tensors = find_tensors(pickle);
    index_.separator = '.';
    index_.layout = std::move(tensors.layout);
    std::ranges::move(tensors.notes, std::back_inserter(index_.notes));
    storages_.reserve(pickle.storages.size());
    for (const Storage& storage : pickle.storages) {
      storages_.push_back({storage.count, pickle.type_of(storage).size});
    }
    // Each is as large as the index, and needed no more.
    release(pickle.nodes);
    release(pickle.items);
    release(pickle.storages);
    release(content.bytes);
    list(pickle, tensors.views);
    release(pickle.views);
    release(pickle.extents);
    assign_roles(index_.entries, index_.separator);
  }

  [[nodiscard]] const Index& index() const override { return index_; }

  [[nodiscard]] Details details(std::size_t i) const override {
    const Placed& placed = placed_[i];
    const Entry& entry = index_.entries[i];
    Details details;
    details.storage = placed.strides == kNone
                          ? "contiguous"
                          : cat("strides ", ckpt::to_string(strides_[placed.strides]));
    if (!is_numeric(entry.dtype)) return details;
    details.stored_bytes = std::min(storages_[placed.storage].bytes(), entry.nbytes);
    details.attributes.push_back({"storage elements", cat(storages_[placed.storage].count)});
    return details;
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct StorageSize {
    std::int64_t count = 0;  // elements
    std::uint32_t unit = 0;  // bytes of one

    [[nodiscard]] std::uint64_t bytes() const { return static_cast<std::uint64_t>(count) * unit; }
  };
  struct Placed {  // an entry
    std::uint32_t storage = 0;
    std::uint32_t strides = kNone;  // which of strides_; kNone where it is contiguous
    std::int64_t offset = 0;        // in elements
  };

  void list(const Pickle& pickle, std::span<const NamedView> names) {
    const auto is_original = [&](std::uint32_t i) { return names[i].original == i; };
    std::vector<std::uint32_t> entry_of(names.size());
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      if (is_original(i)) entry_of[i] = static_cast<std::uint32_t>(count++);
    }
    index_.entries.reserve(count);
    placed_.reserve(count);
    std::size_t repeating = 0;
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      if (!is_original(i)) continue;
      add(pickle, names[i]);
      const std::uint64_t nbytes = index_.entries.back().nbytes;
      if (nbytes > 0 && nbytes > storages_[placed_.back().storage].bytes()) ++repeating;
    }
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      if (is_original(i)) continue;
      index_.entries[entry_of[names[i].original]].aliases.push_back(std::string(names[i].name));
    }
    for (Entry& entry : index_.entries) std::ranges::sort(entry.aliases);
    if (repeating > 0) {
      index_.notes.push_back(cat(count_of(repeating, "variable"),
                                 repeating == 1 ? " repeats its" : " repeat their",
                                 " stored elements (a stride of 0)"));
    }
  }

  void add(const Pickle& pickle, const NamedView& named) {
    const View& view = pickle.views[named.view];
    Placed placed{.storage = view.storage, .offset = view.offset};
    if (is_numeric(view.dtype)) {
      const auto stride = pickle.stride_of(view);
      if (!is_contiguous(pickle.shape_of(view), stride)) {
        placed.strides = static_cast<std::uint32_t>(strides_.size());
        strides_.emplace_back(stride.begin(), stride.end());
      }
    }
    const StorageSource* source = storages_.empty() ? nullptr : source_.get();
    index_.entries.push_back(entry_of(pickle, named, source, big_endian_));
    placed_.push_back(placed);
  }

  void do_check_whole(std::size_t i) const override {
    const std::uint64_t nbytes = index_.entries[i].nbytes;
    const std::uint64_t stored = nbytes > kLargeTensor ? storages_[placed_[i].storage].bytes() : 0;
    if (nbytes > kLargeTensor && nbytes / kMostRepeated > stored) {
      throw Error(Errc::kUnsupported,
                  cat(escape(index_.entries[i].name), ": declares ", with_commas(nbytes),
                      " bytes and has ", with_commas(stored), "; it is not taken whole"));
    }
  }

  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    const Placed& placed = placed_[i];
    const Entry& entry = index_.entries[i];
    const std::size_t element_size = size_of(entry.dtype);
    try {
      if (placed.strides == kNone) {
        const auto start = static_cast<std::uint64_t>(placed.offset) + first;
        source_->read(placed.storage, start * element_size, out);
      } else {
        const std::lock_guard lock(mutex_);
        gather(cache_, placed.storage, storages_[placed.storage].bytes(),
               static_cast<std::uint32_t>(element_size), entry.shape, strides_[placed.strides],
               placed.offset, first, out);
      }
    } catch (const Error& e) {
      throw e.in(escape(entry.name));
    }
    if (big_endian_) swap_units(out, swap_unit(entry.dtype));
  }

  Index index_;
  std::unique_ptr<StorageSource> source_;
  bool big_endian_;
  std::vector<StorageSize> storages_;
  std::vector<Placed> placed_;  // each entry
  std::vector<std::vector<std::int64_t>> strides_;
  mutable std::mutex mutex_;
  mutable PageCache cache_;
};

}  // namespace

void for_each_name(Content content, const std::function<void(const Entry&)>& take) {
  Pickle& pickle = content.pickle;
  const Tensors tensors = find_tensors(pickle);
  const StorageSource* source = pickle.storages.empty() ? nullptr : content.source.get();
  release(pickle.nodes);
  release(pickle.items);
  release(content.bytes);
  for (const NamedView& named : tensors.views) {
    take(entry_of(pickle, named, source, content.big_endian));
  }
}

std::unique_ptr<Reader> make_reader(Content content) {
  return std::make_unique<TorchReader>(std::move(content));
}

}  // namespace ckpt::torch
