#include "gateway/source/file.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

namespace sluice::source {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto look_interval = 1s;
// The name may be away for a moment while files are rotated.
constexpr auto absence = 2s;
// How long a file that was left is looked at for lines that came too late.
constexpr auto late_lines = 10s;
// Files of that name that wait to be read: each holds a descriptor.
constexpr std::size_t files_max = 16;

constexpr std::uint32_t folder_events = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;

// Both `file:/a/b` and `file:///a/b`; the checks of the configuration let no other form pass.
std::string path_of(std::string_view url) {
  url.remove_prefix(std::string_view("file:").size());
  if (url.starts_with("//")) url.remove_prefix(2);
  return std::string(url);
}

}  // namespace

File::File(Context&& context)
    : name_(context.config.name),
      path_(path_of(context.config.url)),
      folder_(path_.substr(0, path_.rfind('/') + 1)),
      base_(path_.substr(path_.rfind('/') + 1)),
      io_(context.io),
      metrics_(context.metrics),
      feed_(context),
      changes_(context.io),
      tick_(context.io) {}

void File::start(topic::TimePoint) {
  if (const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC); descriptor != -1) {
    changes_.assign(descriptor);
    await_changes();
  }
  on_tick();
}

void File::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  changes_.close(ignored);
  tick_.cancel();
  metrics_.set_state(observe::SourceState::stopped);
}

void File::pause() {
  paused_ = true;
  metrics_.paused.add();
}

void File::go_on() {
  paused_ = false;
  read_later();
}

// --- What happens to the name

void File::on_tick() {
  watch_folder();
  take_changes();
  look();
  read_later();
  check_left(Clock::now());
  tick_.expires_after(look_interval);
  tick_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_tick();
  });
}

void File::watch_folder() {
  if (folder_watch_ != -1 || !changes_.is_open()) return;
  folder_watch_ = ::inotify_add_watch(changes_.native_handle(), folder_.c_str(), folder_events);
  counting_ = false;
}

void File::await_changes() {
  changes_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    take_changes();
    look();
    read_later();
    await_changes();
  });
}

void File::take_changes() {
  alignas(inotify_event) std::array<char, 16 * 1024> events;
  while (changes_.is_open()) {
    const ssize_t size = ::read(changes_.native_handle(), events.data(), events.size());
    if (size <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, events.data() + at, sizeof event);
      const char* name = events.data() + at + sizeof event;
      at += sizeof event + event.len;
      // Nobody knows what else happened.
      if ((event.mask & IN_Q_OVERFLOW) != 0) ++arrivals_;
      if (event.wd != folder_watch_ || folder_watch_ == -1) continue;
      if ((event.mask & IN_IGNORED) != 0)
        folder_watch_ = -1;  // the folder is gone, or was moved away
      else if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0 && event.len != 0 && base_ == name)
        ++arrivals_;
    }
  }
}

// Which file the name means now. Called after take_changes(): an arrival that this does not find was missed.
void File::look() {
  const auto now = Clock::now();
  struct stat named {};
  const bool there = ::stat(path_.c_str(), &named) == 0;
  const int failed = there ? 0 : errno;
  if (there && !files_.empty() && files_.back().file.is(named)) {
    seen_ = now;
    if (!unreadable_) metrics_.set_state(observe::SourceState::up);
  } else if (there) {
    if (auto opened = FollowedFile::open(path_)) {
      --arrivals_;
      take_file(std::move(*opened));
      seen_ = now;
      metrics_.set_state(observe::SourceState::up);
    } else {
      metrics_.set_state(observe::SourceState::down,
                         fmt::format("{}: {}; source.{}.url must name a regular file that this user may read", path_,
                                     opened.error().message(), name_));
    }
  } else if (files_.empty() || now - seen_ > absence) {
    metrics_.set_state(observe::SourceState::down, fmt::format("{}: {}; it is read from its beginning when it comes",
                                                               path_, std::strerror(failed)));
  }
  // What came before the folder was watched was not counted.
  const bool counted = std::exchange(counting_, folder_watch_ != -1);
  if (counted && arrivals_ > 0) lost_ = true;
  if (!counted || arrivals_ > 0) arrivals_ = 0;
  if (!there || !files_.empty()) first_look_ = false;
}

void File::take_file(FollowedFile&& file) {
  // What is there when the gateway starts is the past; what comes later is read from its beginning.
  if (first_look_) feed_.begin_after(file.skip_to_end());
  if (files_.size() == files_max) {
    files_.erase(files_.begin() + 1);  // a file that nobody will have read
    lost_ = true;
  }
  files_.push_back({std::move(file)});
  if (changes_.is_open())
    files_.back().watch = ::inotify_add_watch(
        changes_.native_handle(), fmt::format("/proc/self/fd/{}", files_.back().file.descriptor()).c_str(), IN_MODIFY);
}

// --- What stands in the files

// One piece in each turn of the loop, so that a long file stops nobody.
void File::read_later() {
  if (paused_ || stopped_ || files_.empty() || std::exchange(reading_later_, true)) return;
  boost::asio::post(io_, [this] {
    reading_later_ = false;
    if (!paused_ && !stopped_) read();
  });
}

void File::read() {
  const auto now = Clock::now();
  while (!files_.empty()) {
    FollowedFile& file = files_.front().file;
    if (file.rewind_if_truncated()) {
      (void)feed_.finish(false, now);
      lost_ = true;
    }
    if (std::exchange(lost_, false)) feed_.lost(now);
    const auto bytes = file.read(buffer_);
    if (!bytes) {
      unreadable_ = true;
      metrics_.set_state(observe::SourceState::down, fmt::format("{}: {}", path_, bytes.error().message()));
      return;
    }
    unreadable_ = false;
    if (!bytes->empty()) {
      feed_.feed(*bytes, now);
      return read_later();
    }
    if (!finish_first()) return;
  }
}

bool File::finish_first() {
  // The writer has gone on when something stands in the next one. It may have written here before that, but not since.
  if (files_.size() == 1 || (files_.size() == 2 && !files_[1].file.has_more())) return false;
  if (files_.front().file.has_more()) return true;
  const auto now = Clock::now();
  if (!feed_.finish(true, now)) lost_ = true;
  check_left(topic::TimePoint::max());
  if (files_.front().watch != -1) (void)::inotify_rm_watch(changes_.native_handle(), files_.front().watch);
  left_ = std::move(files_.front().file);
  left_until_ = now + late_lines;
  files_.pop_front();
  return true;
}

void File::check_left(topic::TimePoint now) {
  if (!left_) return;
  if (left_->has_more()) {
    lost_ = true;
    left_.reset();
  } else if (now > left_until_) {
    left_.reset();
  }
}

}  // namespace sluice::source
