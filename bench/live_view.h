// LiveView: shows a running benchmark. On a terminal a block that is drawn again and again in its place, elsewhere a
// line a second. Owned by run_command for the length of the run, on the run's main thread. It never writes to standard
// output. Invariant: the cursor is hidden only while a block stands, and is back when the view is gone.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "bench/progress.h"
#include "bench/text_style.h"

namespace sluice::bench {

class LiveView final : public Watcher {
 public:
  struct Options {
    std::string title;
    bool terminal = false;
    bool quiet = false;
    std::function<TextStyle()> style;      // asked before each redraw
    std::function<bool()> stop = nullptr;  // whether the person has had enough
    std::function<void()> open = nullptr;  // what is done when all streams are open
  };

  LiveView(std::ostream& out, Options options);
  ~LiveView() override;

  void on_progress(const Progress& progress) override;
  void on_open() override;
  [[nodiscard]] bool wants_to_stop() const override { return options_.stop && options_.stop(); }
  // Takes the block away: the summary stands in its place.
  void clear();

 private:
  void draw(const Progress& progress);

  std::ostream& out_;
  const Options options_;
  std::size_t drawn_lines_ = 0;
  double next_line_seconds_ = 0;  // of the run
  Phase phase_ = Phase::opening;
};

}  // namespace sluice::bench
