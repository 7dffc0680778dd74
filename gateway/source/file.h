// File: `file:/var/log/app.ndjson`: follows a file by its name, as `tail -F` does: what is appended from now on,
// through rotation (renamed and made anew, deleted, replaced) and before the file is there at all. inotify says when to
// look; once a second it looks anyway, so that it also works where inotify does not. Positions are our own: a
// subscriber resumes from the rings alone. Files of that name are read in the order in which they came, each to its
// end; the next one is begun when something stands in it, because a writer goes on with the old one until it opens the
// new one. What may be lost is announced as a gap: lines of a file that was truncated (copytruncate), a file that came
// and went between two looks, lines written to an old file after the new one was begun. Invariant: a line is read once,
// and in the order of its file.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/source/followed_file.h"
#include "gateway/source/line_feed.h"
#include "gateway/source/source.h"

namespace sluice::source {

class File final : public Source {
 public:
  explicit File(Context&& context);

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override { return feed_.may_have(topic); }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override {
    feed_.open(topic, now, done);
  }
  void pause() override;
  void go_on() override;

 private:
  struct Followed {
    FollowedFile file;
    int watch = -1;
  };
  void on_tick();
  void watch_folder();
  void await_changes();
  void take_changes();
  void look();
  void take_file(FollowedFile&& file);
  void read();
  void read_later();
  // Whether the first file is done with; else there is nothing to read now.
  [[nodiscard]] bool finish_first();
  void check_left(topic::TimePoint now);

  const std::string name_, path_, folder_, base_;
  boost::asio::io_context& io_;
  observe::SourceMetrics& metrics_;
  LineFeed feed_;
  boost::asio::posix::stream_descriptor changes_;  // inotify; closed where there is none
  boost::asio::steady_timer tick_;
  std::array<char, 64 * 1024> buffer_;
  std::deque<Followed> files_;              // of this name, in the order in which they came; the first one is read
  std::optional<FollowedFile> left_;        // the one before: nobody should write to it any more
  topic::TimePoint left_until_{}, seen_{};  // seen_: when the name was last there
  int folder_watch_ = -1;
  int arrivals_ = 0;       // files that came by the name, as inotify says, less those that look() found
  bool counting_ = false;  // they are counted from before the last look() on
  bool first_look_ = true, lost_ = false, unreadable_ = false;
  bool paused_ = false, reading_later_ = false, stopped_ = false;
};

}  // namespace sluice::source
