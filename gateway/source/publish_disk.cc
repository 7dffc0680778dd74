#include "gateway/source/publish_disk.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::source {

using topic::GapReason;
using topic::OpenResult;
using topic::PublishResult;

namespace {

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
    context_.metrics.set_state(observe::SourceState::down, appended.problem);
    return done({.kind = full ? PublishResult::Kind::storage_full : PublishResult::Kind::unavailable,
                 .detail = appended.problem + "; nothing is stored"});
  }
  context_.metrics.set_state(observe::SourceState::up);
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
  DiskSequence after = context_.format.sequence_of(request.after).value_or(0);
  std::optional<GapReason> gap;
  if (after > context_.home.last()) {  // nobody was ever given that id
    gap = GapReason::unknown_position;
    after = 0;
  }
  DiskQuery query{
      .topics = request.topics, .after = after, .since = {}, .entries_max = limits.entries, .bytes_max = limits.bytes};
  if (request.since) query.since = std::chrono::duration_cast<DiskTime>(request.since->time_since_epoch());
  const bool taken = disk_.read(std::move(query), [this, request, after, gap, done](const DiskPage& page) {
    on_read(request, after, gap, page, done);
  });
  if (!taken) done(nullptr);  // more reads wait than Replays ever asks for
}

void PublishDisk::on_read(const topic::ReadRequest& request, DiskSequence after, std::optional<GapReason> gap,
                          const DiskPage& read, const topic::ReadDone& done) {
  context_.metrics.pages.add();
  if (!read.problem.empty()) {
    context_.metrics.set_state(observe::SourceState::down, read.problem);
    return done(nullptr);
  }
  topic::Page page;
  page.after = request.after;
  page.gap = gap;
  const bool promised = !request.after.empty() && !request.since;
  if (!gap && promised && read.evicted_through > after) page.gap = GapReason::trimmed;
  // Of several topics one may have lost more than another still has: the page begins before what it holds, and a gap
  // that is announced moves the id no further (Merge::announce_gap).
  DiskSequence from = std::max(after, read.evicted_through);
  if (!read.entries.empty() && !page.gap) from = std::min(from, read.entries.front().sequence - 1);
  page.from = position(from);
  page.through = position(std::max(from, read.through));
  page.at_end = read.end;
  const topic::TimePoint now = std::chrono::steady_clock::now();
  for (const DiskEntry& entry : read.entries) {
    const std::string place = position(entry.sequence);
    page.entries.push_back(topic::Entry::make({.position = place,
                                               .type = entry.event.type,
                                               .data = entry.event.data,
                                               .idempotency_key = {},
                                               .sequence = entry.sequence,
                                               .arrived = now}));
  }
  context_.metrics.gaps.add(page.gap ? 1 : 0);
  done(std::make_shared<const topic::Page>(std::move(page)));
}

}  // namespace sluice::source
