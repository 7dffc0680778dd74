// Exec: `exec:`, the plug-in for any language: runs a program and reads its standard output, as lines, NDJSON or an
// event stream. One program at a time; when it ends it starts again, after a jittered backoff. Positions are our own:
// what a program wrote is kept by nobody but the rings. What may be lost: all that the program would have written while
// it did not run. It is announced as a gap when it runs again, unless it had exited with 0 and its output was complete:
// such a program has said all that it had to say (one that polls and ends, for example). Invariant: at most one program
// runs, and none after the source.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "gateway/source/backoff.h"
#include "gateway/source/line_feed.h"
#include "gateway/source/program.h"
#include "gateway/source/program_log.h"
#include "gateway/source/source.h"

namespace sluice::source {

class Exec final : public Source, private ProgramVisitor {
 public:
  explicit Exec(Context&& context);

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override { return feed_.may_have(topic); }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override {
    feed_.open(topic, now, done);
  }
  void pause() override;
  void go_on() override;

 private:
  void launch();
  void launch_later(const std::string& what);
  void on_output(std::string_view bytes) override;
  void on_error_output(std::string_view bytes) override;
  void on_ended(const ExitStatus& status) override;

  const std::string name_;
  const std::vector<std::string> command_;
  boost::asio::io_context& io_;
  observe::SourceMetrics& metrics_;
  LineFeed feed_;
  ProgramLog log_;
  Backoff backoff_;
  boost::asio::steady_timer timer_;  // until it counts as up, or until it starts again
  std::unique_ptr<Program> program_;
  topic::TimePoint launched_{};
  bool first_ = true, lost_ = false, paused_ = false;
};

}  // namespace sluice::source
