#include "formats/safetensors/sharded_writer.h"

#include <optional>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/safetensors/new_set.h"
#include "formats/safetensors/set_index.h"
#include "formats/safetensors/set_record.h"
#include "formats/safetensors/shard_names.h"
#include "formats/safetensors/writer.h"

namespace ckpt::safetensors {
namespace {

constexpr std::size_t kMostShardsWritten = 1000;  // they are all open until the end

class ShardedWriter final : public Writer {
 public:
  ShardedWriter(const std::string& path, std::vector<VariableSpec> specs,
                const CreateOptions& options)
      : Writer(std::move(specs)) {
    const std::string stem = stem_of_index(path);
    const auto shards = divide(options.max_shard_bytes);
    for (std::size_t s = 0; s < shards.size(); ++s) {
      names_.push_back(shard_name(stem, s, shards.size()));
    }
    set_.emplace(path, names_, options.overwrite, kUsualWait);
    for (std::size_t s = 0; s < shards.size(); ++s) {
      try {
        writers_.push_back(create_into(set_->change().put(names_[s]), shards[s], options.metadata));
      } catch (const Error& e) {
        throw e.in(escape(names_[s]));
      }
    }
  }

 private:
  struct Place {
    std::size_t shard = 0;
    std::size_t variable = 0;
  };

  std::vector<std::vector<VariableSpec>> divide(std::uint64_t most) {
    std::vector<std::vector<VariableSpec>> shards(1);
    std::uint64_t bytes = 0;
    for (const VariableSpec& spec : specs()) {
      const std::uint64_t size = tensor_bytes(spec.dtype, spec.shape);
      if (most > 0 && bytes > 0 && (size > most || bytes > most - size)) {
        shards.emplace_back();
        bytes = 0;
      }
      bytes += size;
      total_ += size;
      places_.push_back({shards.size() - 1, shards.back().size()});
      shards.back().push_back(spec);
    }
    if (shards.size() > kMostShardsWritten) {
      throw Error(Errc::kInvalid,
                  cat("would be ", shards.size(), " files of at most ", with_commas(most),
                      " bytes; ", kMostShardsWritten, " are the most that are written"));
    }
    return shards;
  }

  void do_write(std::size_t i, std::uint64_t, ByteView bytes) override {
    writers_[places_[i].shard]->write(places_[i].variable, bytes);
  }

  void do_commit() override {
    SetIndex index{.shards = names_};
    index.rest["metadata"]["total_size"] = total_;
    for (std::size_t i = 0; i < specs().size(); ++i) index.add(specs()[i].name, places_[i].shard);
    for (const auto& writer : writers_) writer->commit();
    const std::string text = print_set_index(std::move(index));
    set_->change().decider().write_at(0, as_byte_view(std::string_view(text)));
    set_->change().commit({}, print_set_record);
  }

  std::vector<std::string> names_;
  std::vector<Place> places_;
  std::uint64_t total_ = 0;
  std::optional<NewSet> set_;
  std::vector<std::unique_ptr<Writer>> writers_;
};

}  // namespace

std::unique_ptr<Writer> create_shards(const std::string& path, std::vector<VariableSpec> specs,
                                      const CreateOptions& options) {
  return std::make_unique<ShardedWriter>(path, std::move(specs), options);
}

}  // namespace ckpt::safetensors
