#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/file.h"
#include "formats/hdf5/variable.h"
#include "formats/hdf5/walker.h"

namespace ckpt::hdf5 {

// Threads that walk ahead of a walk. The links of the first large group are cut into stretches;
// what lies below one is walked apart, with a source of its own, and handed over where the walk
// comes to it. Where anything there is out of the ordinary (damage, an oddity, a type that needs
// attributes), nothing is handed over and the walk goes there itself, so that what is found and
// what is said does not depend on threads.
//
//     links of the group   | stretch 0 | stretch 1 | stretch 2 | stretch 3 | stretch 4 | …
//                            handed      where the   walked      being       not taken
//                            over        walk is     ahead       walked      by anyone
class Scouts {
 public:
  // `file` must outlive this. Threads are started when there is work for them.
  explicit Scouts(const RandomFile& file) : file_(file) {}
  ~Scouts();
  Scouts(const Scouts&) = delete;
  Scouts& operator=(const Scouts&) = delete;

  // What lies below the next links of the group that a walker is in.
  struct Report {
    Findings findings;
    std::vector<Variable> variables;  // of the datasets, in order
  };
  // Empty where that was not walked ahead, or something there is out of the ordinary. To be asked
  // before each step of one walker, which must outlive this.
  std::optional<Report> look(const Walker& walker);

 private:
  struct Errand {
    bool is_done = false;
    std::optional<Report> report;
  };
  void start(const Stretch& group);
  [[nodiscard]] Stretch stretch(std::size_t number) const;
  bool run_errand(const Source& source, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::optional<Report> walk_below(const Source& source,
                                                 const Stretch& stretch) const;
  void work();

  const RandomFile& file_;
  std::unique_ptr<Source> source_;  // for what the walk's own thread walks ahead while it waits
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // for all below
  std::condition_variable changed_;
  bool is_over_ = false;
  bool is_awaited_ = false;     // the walk's thread waits
  std::string path_;            // of the group
  Stretch group_;               // all its links
  std::size_t links_ = 1;       // of a stretch; the last may have fewer
  std::size_t next_ = 0;        // the first stretch that was not asked for
  std::deque<Errand> errands_;  // from there on, those that a thread has taken
};

}  // namespace ckpt::hdf5
