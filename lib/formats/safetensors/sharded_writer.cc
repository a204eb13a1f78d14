#include "formats/safetensors/sharded_writer.h"

#include <unistd.h>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/io/sibling.h"
#include "formats/safetensors/set_index.h"
#include "formats/safetensors/set_replacement.h"
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
    stem_ = stem_of_index(path);
    const auto shards = divide(options.max_shard_bytes);
    for (std::size_t s = 0; s < shards.size(); ++s) {
      names_.push_back(shard_name(stem_, s, shards.size()));
    }
    if (options.overwrite == Overwrite::kYes && SetReplacement::is_needed(path, names_)) {
      replacement_.emplace(path);
    } else {
      index_.emplace(path, Overwrite::kNo);
    }
    for (std::size_t s = 0; s < shards.size(); ++s) {
      try {
        const std::string file = replacement_ ? replacement_->add(names_[s]) : path_of(s);
        // What a killed run has left of a replacement is in nobody's way.
        const auto overwrite = replacement_ ? Overwrite::kYes : Overwrite::kNo;
        writers_.push_back(
            create(file, shards[s], {.overwrite = overwrite, .metadata = options.metadata}));
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

  [[nodiscard]] std::string path_of(std::size_t shard) const {
    return beside(stem_, names_[shard]);
  }

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
    const std::string text = print_set_index(std::move(index));
    if (replacement_) {
      for (const auto& writer : writers_) writer->commit();
      replacement_->commit(text);
      return;
    }
    index_->write_at(0, as_byte_view(std::string_view(text)));
    std::size_t done = 0;
    try {
      for (; done < writers_.size(); ++done) writers_[done]->commit();
    } catch (...) {
      for (std::size_t s = 0; s < done; ++s) ::unlink(path_of(s).c_str());
      throw;
    }
    index_->commit();
  }

  std::string stem_;
  std::vector<std::string> names_;
  std::vector<Place> places_;
  std::uint64_t total_ = 0;
  std::optional<AtomicFile> index_;  // one of these two is there
  std::optional<SetReplacement> replacement_;
  std::vector<std::unique_ptr<Writer>> writers_;
};

}  // namespace

std::unique_ptr<Writer> create_shards(const std::string& path, std::vector<VariableSpec> specs,
                                      const CreateOptions& options) {
  return std::make_unique<ShardedWriter>(path, std::move(specs), options);
}

}  // namespace ckpt::safetensors
