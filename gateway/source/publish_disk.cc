#include "gateway/source/publish_disk.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gateway/source/page_entry.h"

namespace sluice::source {

using topic::GapReason;
using topic::OpenResult;
using topic::PublishResult;

namespace {

constexpr const char *reading_place = "reading", *writing_place = "writing";  // of troubles

DiskTime wall_now() {
  return std::chrono::duration_cast<DiskTime>(std::chrono::system_clock::now().time_since_epoch());
}

DiskOptions options_of(const config::Source& config, const proto::Epoch& candidate) {
  return {.path = config.history.path,
          .epoch_candidate = candidate,
          .sync = config.history.sync == config::History::Sync::full ? DiskSync::disk : DiskSync::process,
          .age = config.history.age,
          .entries = config.history.entries,
          .bytes = config.history.bytes_total};
}

}  // namespace

proto::Epoch disk_epoch(const config::Source& config, const proto::Epoch& candidate) {
  DiskFile file(options_of(config, candidate));
  return file.epoch();
}

PublishDisk::PublishDisk(Context&& context)
    : context_(std::move(context)),
      troubles_(context_.metrics),
      backoff_(context_.random()),
      retry_(context_.io),
      disk_(options_of(context_.config, static_cast<const topic::EpochFormat&>(context_.format).epoch()),
            [post = context_.post](std::function<void()> call) { post(std::move(call)); }) {}

std::string PublishDisk::position(DiskSequence sequence) const {
  return context_.format.text_of(sequence).value_or("");
}

void PublishDisk::start(topic::TimePoint) {
  // The rings begin empty: whoever is behind this start reads the file.
  context_.home.start(position(disk_.last()), disk_.last());
  context_.metrics.set_state(observe::SourceState::up);
}

void PublishDisk::stop() {
  retry_.cancel();
  disk_.close();
  context_.metrics.set_state(observe::SourceState::stopped);
}

void PublishDisk::open(const std::string& topic, topic::TimePoint now, std::function<void(OpenResult)> done) {
  done(context_.home.open(topic, now) ? OpenResult::opened : OpenResult::too_many_topics);
}

// --- Publishing ----------------------------------------------------------------------------------------------------

void PublishDisk::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
                          std::function<void(PublishResult)> done) {
  if (!context_.home.open(topic, now)) return done({.kind = PublishResult::Kind::too_many_topics});
  auto kept = std::make_shared<const std::vector<topic::Event>>(events);
  const bool taken = disk_.append(
      topic, std::move(events), wall_now(),
      [this, topic, kept, done](const DiskAppended& appended) { on_appended(topic, *kept, appended, done); });
  if (!taken)
    done({.kind = PublishResult::Kind::unavailable,
          .detail = "more waits for the disk than may wait: nothing is stored, try again"});
}

void PublishDisk::on_appended(const std::string& topic, const std::vector<topic::Event>& events,
                              const DiskAppended& appended, const std::function<void(PublishResult)>& done) {
  if (appended.kind != DiskAppended::Kind::stored) {
    const bool full = appended.kind == DiskAppended::Kind::full;
    troubles_.tell(writing_place, appended.problem);
    return done({.kind = full ? PublishResult::Kind::storage_full : PublishResult::Kind::unavailable,
                 .detail = appended.problem + "; nothing is stored"});
  }
  troubles_.clear(writing_place);
  const topic::TimePoint now = std::chrono::steady_clock::now();
  const auto index = context_.home.open(topic, now);
  PublishResult result;
  for (std::size_t event = 0; event != events.size(); ++event) {
    const DiskAppended::Place& place = appended.places[event];
    result.positions.push_back(position(place.sequence));
    if (place.repeated) {
      ++result.repeated;
    } else if (index) {  // else it waits in the file until the topic can be opened
      context_.home.append_at(*index, place.sequence, events[event], now);
      context_.metrics.events.add();
    }
  }
  done(std::move(result));
}

// --- The past ------------------------------------------------------------------------------------------------------

void PublishDisk::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  ask({request, limits, std::move(done)});
}

void PublishDisk::ask(const Read& read) {
  DiskSequence after = context_.format.sequence_of(read.request.after).value_or(0);
  std::optional<GapReason> gap;
  if (after > context_.home.last()) {  // nobody was ever given that id
    gap = GapReason::unknown_position;
    after = 0;
  }
  DiskQuery query{.topics = read.request.topics,
                  .after = after,
                  .entries_max = read.limits.entries,
                  .bytes_max = read.limits.bytes};
  if (read.request.since) query.since = std::chrono::duration_cast<DiskTime>(read.request.since->time_since_epoch());
  const bool taken = disk_.read(
      std::move(query), [this, read, after, gap](const DiskPage& answer) { on_read(read, after, gap, answer); });
  if (!taken) put_off(read);
}

// No page is a loss to who asked, and nothing is lost: it waits, and is asked for again.
void PublishDisk::put_off(const Read& read) {
  put_off_.push_back(read);
  if (put_off_.size() > 1) return;  // the timer runs
  retry_.expires_after(backoff_.next());
  retry_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (const Read& again : std::exchange(put_off_, {})) ask(again);
  });
}

void PublishDisk::on_read(const Read& read, DiskSequence after, std::optional<GapReason> gap, const DiskPage& answer) {
  if (!answer.problem.empty()) {
    troubles_.tell(reading_place, answer.problem);
    return put_off(read);
  }
  troubles_.clear(reading_place);
  backoff_.reset();
  context_.metrics.pages.add();
  topic::Page page;
  page.after = read.request.after;
  page.gap = gap;
  const bool promised = !read.request.after.empty() && !read.request.since;
  if (!gap && promised && answer.evicted_through > after) page.gap = GapReason::trimmed;
  // Of several topics one may have lost more than another still has: the page begins before what it holds, and a gap
  // that is announced moves the id no further (Merge::announce_gap).
  DiskSequence from = std::max(after, answer.evicted_through);
  if (!answer.entries.empty() && !page.gap) from = std::min(from, answer.entries.front().sequence - 1);
  page.from = position(from);
  page.through = position(std::max(from, answer.through));
  page.at_end = answer.end;
  for (const DiskEntry& entry : answer.entries) {
    const std::string place = position(entry.sequence);
    page.entries.push_back(page_entry(context_.config, entry.topic, entry.event, place, entry.sequence));
  }
  context_.metrics.gaps.add(page.gap ? 1 : 0);
  read.done(std::make_shared<const topic::Page>(std::move(page)));
}

}  // namespace sluice::source
