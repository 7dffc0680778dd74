#include "gateway/serve/event_stream.h"

#include <algorithm>
#include <utility>

#include "gateway/observe/log.h"
#include "gateway/serve/connection.h"
#include "gateway/serve/event_stream_opening.h"
#include "proto/check.h"
#include "proto/sse.h"

namespace sluice::serve {

namespace sse = proto::sse;

// Malloc makes 128 bytes of it: a tenth of what an idle stream costs (bench/README.md).
static_assert(sizeof(EventStream) <= 120);

// What the access line tells when the stream has ended; only when access lines are logged.
struct EventStream::Account {
  std::string path;
  topic::TimePoint opened;
  std::uint64_t events = 0, bytes = 0;
};

namespace {

std::uint32_t to_tick(topic::TimePoint time) {
  using std::chrono::duration_cast;
  return static_cast<std::uint32_t>(duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

}  // namespace

EventStream::EventStream(Services& services, Subscribe&& subscribe)
    : sent_(to_tick(services.now)),
      end_reset_(subscribe.end == config::End::reset),
      conflates_(subscribe.route->slow == config::Slow::conflate),
      disconnects_(subscribe.route->slow == config::Slow::disconnect) {
  const std::size_t count = subscribe.topics.size();
  if (services.config.access_log)
    account_ = std::make_unique<Account>(Account{.path = subscribe.path, .opened = services.now});
  aside().opening = std::make_unique<Opening>();
  opening()->subscribe = std::move(subscribe);
  opening()->logs.resize(count);
  opening()->asked.resize(count);
}

EventStream::~EventStream() {
  check(cursor_.log() == nullptr && !merge_, "a stream leaves its logs when it is closed");
}

Services& EventStream::services() const { return connection().services(); }

std::uint32_t EventStream::tick() const { return to_tick(services().now); }

EventStream::Aside& EventStream::aside() {
  if (!aside_) aside_ = std::make_unique<Aside>();
  return *aside_;
}

void EventStream::tidy() {
  if (aside_ && !aside_->opening && aside_->text.empty() && !aside_->fell_at) aside_.reset();
}

EventStream::Opening* EventStream::opening() const { return aside_ ? aside_->opening.get() : nullptr; }

std::string& EventStream::own_text() { return aside().text; }

std::size_t EventStream::own_rest() const { return aside_ ? aside_->text.size() - aside_->text_sent : 0; }

void EventStream::end_with(std::string_view event, std::string_view data, EndReason reason) {
  sse::append_retry(own_text(), services().retry.draw(services().random));
  sse::append_event(own_text(), event, data);
  ending_ = true;
  connection().finish(*this, reason);
}

void EventStream::end_busy(const load::Admission::Refusal& refusal) {
  sse::append_retry(own_text(), refusal.retry);
  sse::append_event(own_text(), "sluice.busy", R"({"reason":")" + std::string(name(refusal.reason)) + R"("})");
  ending_ = true;
  connection().finish(*this, EndReason::busy);
}

void EventStream::renew_retry() {
  retry_edition_ = services().retry.edition();
  sse::append_retry(own_text(), services().retry.draw(services().random));
  own_text() += '\n';
  services().metrics.retries_renewed.add();
}

// --- The past ------------------------------------------------------------------------------------------------------

void EventStream::remember_place() {
  if (!topics().replays() || (aside_ && aside_->fell_at)) return;
  aside().fell_at = cursor_.log()->position_before(cursor_.next());
  aside().missed = cursor_.log()->position_at(cursor_.next());
}

void EventStream::fall_behind() {
  topic::TopicLog* log = cursor_.log();
  const bool told = !topics().format().per_topic() || log->was_told_of_beginning(cursor_.next());
  cursor_.leave();
  open_merge();
  const std::string after = *std::exchange(aside().fell_at, std::nullopt);
  const std::string missed = std::exchange(aside().missed, {});
  topic::PartStart start{.kind = topic::PartStart::Kind::replay, .after = after, .missed = missed};
  if (!told)  // the topic is another one now, which only its log knows for certain
    start = {.kind = start.kind, .gap = topic::GapReason::recreated, .after = log->begun_position()};
  merge_->add(topics(), {&log, 1}, start, after);
  tidy();
}

void EventStream::open_merge() {
  merge_ = std::make_unique<topic::Merge>(static_cast<topic::Subscriber&>(*this));
  if (conflates_) merge_->conflate_above(services().config.limits.conflate_lag);
}

void EventStream::apply_slow_policy() {
  if (disconnects_) {
    if (cursor_.log() != nullptr ? cursor_.has_gap() : merge_ && merge_->has_lost())
      connection().finish(*this, EndReason::slow);
    return;
  }
  if (cursor_.log() == nullptr || !cursor_.at_boundary()) return;  // a merge does it itself
  topic::TopicLog* log = cursor_.log();
  topic::RoundPtr round =
      topics().conflate(*log, cursor_.sequence(), cursor_.next(), services().config.limits.conflate_lag);
  if (!round) return;
  const topic::Start here{.next = cursor_.next(), .after = cursor_.sequence()};
  cursor_.leave();
  if (aside_) aside_->fell_at.reset();
  open_merge();
  merge_->add(topics(), {&log, 1}, {.starts = {here}}, topics().format().text_of(here.after).value_or(""));
  merge_->begin_with(*log, std::move(round));
}

void EventStream::ask_for_pages() {
  while (auto want = merge_->take_want())
    services().sources.read(services().source_of(*want->topics), std::move(want->request), {connection().id(), id()},
                            want->part);
}

void EventStream::take_cursor_back() {
  const topic::Cursor& caught_up = merge_->single();
  topic::TopicLog& log = *caught_up.log();
  const topic::Offset next = caught_up.next();
  const topic::Sequence sequence = caught_up.sequence();
  source_ = services().source_of(merge_->single_topics());
  merge_->release_single();
  merge_.reset();
  cursor_.join(log, next, sequence, *this);
}

// --- Sending -------------------------------------------------------------------------------------------------------

void EventStream::announce_gap() {
  const topic::TopicLog& log = *cursor_.log();
  const std::string from = topics().format().text_of(cursor_.sequence()).value_or("");
  const std::string to = topics().format().text_of(log.evicted_through()).value_or(log.evicted_position());
  const std::uint64_t lost = cursor_.skip_gap();
  topic::append_gap(
      own_text(),
      {.topic = log.name(), .from = from, .to = to, .count = lost, .reason = topic::GapReason::slow_consumer}, to);
  services().metrics.gaps[observe::GapReason::slow_consumer].add();
}

void EventStream::count_deliveries(std::uint32_t completed) {
  if (account_) account_->events += completed;
  services().metrics.deliveries.add(completed);
}

Burst EventStream::ending(std::size_t size, bool more) const {
  const bool end = ending_ && !more;
  return {.size = size, .end = end, .reset = end && end_reset_, .more = more};
}

bool EventStream::is_due() {
  return merge_ ? merge_->at_boundary() && merge_->pending() : cursor_.at_boundary() && cursor_.pending() != 0;
}

Burst EventStream::prepare(std::size_t room) {
  if ((conflates_ || disconnects_) && !ending_) apply_slow_policy();
  // An end does not wait for window: without it the event that has begun is cut, and the client discards it (HTML
  // §9.2.6). With it that event is finished, and the last `retry:` follows.
  if (ending_ && room == 0) return ending(0, false);
  if (cursor_.log() != nullptr && cursor_.has_gap()) remember_place();
  if (aside_ && aside_->fell_at && !ending_ && cursor_.at_boundary()) fall_behind();
  if (merge_ && !has_own_text() && merge_->is_single()) take_cursor_back();
  if (retry_edition_ != services().retry.edition() && !ending_ && !opening() && !has_own_text() && is_due())
    renew_retry();
  if (merge_) return prepare_merged(room);
  std::uint64_t total = own_rest();
  if (cursor_.log() == nullptr) {  // still opening: only text of its own
    services().burst_text = static_cast<std::uint32_t>(std::min<std::uint64_t>(room, total));
    return ending(services().burst_text, services().burst_text != total);
  }
  // One gap at a time: a reader that takes a byte now and then does not make us keep one for each loss.
  if (!ending_ && cursor_.has_gap() && cursor_.at_boundary() && total == 0) {
    announce_gap();
    total = own_rest();
  }
  total += ending_ ? cursor_.pinned_rest() : cursor_.pending();
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(room, total));
  return ending(size, size != total || (!ending_ && cursor_.has_gap()));
}

Burst EventStream::prepare_merged(std::size_t room) {
  ByteBuffer& rendered = services().rendered;
  rendered.clear();
  if (ending_) merge_->stop();
  const std::size_t own = own_rest();
  if (own != 0 && merge_->at_boundary()) {
    services().burst_text = static_cast<std::uint32_t>(std::min(room, own));
    const bool more = merge_->pending();  // may find out that a page is wanted
    ask_for_pages();
    return ending(services().burst_text, services().burst_text != own || more);
  }
  services().burst_text = 0;
  const std::uint32_t gaps = merge_->gap_count();
  // While text of its own waits, only the event that has begun is finished.
  const std::uint32_t completed = merge_->render(own != 0 ? std::min(room, merge_->current_rest()) : room, rendered);
  count_deliveries(completed);
  if (merge_->gap_count() != gaps)
    services().metrics.gaps[observe::GapReason::slow_consumer].add(merge_->gap_count() - gaps);
  services().metrics.events_conflated.add(merge_->take_conflated());
  const bool more = merge_->pending() || own != 0;
  ask_for_pages();
  return ending(rendered.size(), more);
}

void EventStream::write_body(std::span<std::uint8_t> out) {
  if (account_) account_->bytes += out.size();
  sent_ = tick();
  const auto write_own = [&](std::size_t count) {
    std::memcpy(out.data(), aside_->text.data() + aside_->text_sent, count);
    aside_->text_sent += count;
    out = out.subspan(count);
    if (own_rest() != 0) return;
    aside_->text.clear();
    aside_->text_sent = 0;
    tidy();
  };
  if (merge_ != nullptr && services().burst_text == 0) {
    std::memcpy(out.data(), services().rendered.bytes().data(), out.size());
    return;
  }
  if (cursor_.log() == nullptr) {
    services().burst_text = 0;
    return write_own(out.size());
  }
  std::uint32_t completed = 0;
  if (has_own_text()) {
    const std::size_t pinned = std::min(out.size(), cursor_.pinned_rest());
    if (pinned != 0) {
      completed += cursor_.read(out.first(pinned));
      out = out.subspan(pinned);
    }
    if (!out.empty()) write_own(std::min(out.size(), own_rest()));
  }
  if (!out.empty()) completed += cursor_.read(out);
  count_deliveries(completed);
}

void EventStream::on_time() {
  const std::uint32_t now = tick();
  if (is_blocked()) {
    if (!was_blocked_) blocked_since_ = now;
    was_blocked_ = true;
    if (std::min(now - blocked_since_, now - sent_) >= services().config.limits.stall_timeout.count()) {
      services().metrics.limit_hits[observe::Limit::stall_timeout].add();
      connection().finish(*this, EndReason::slow);
    }
    return;
  }
  was_blocked_ = false;
  if (is_ready() || has_own_text() || ending_) return;
  // Silence stays below `heartbeat` although streams are visited every visit_interval only.
  const auto quiet = std::chrono::milliseconds(now - sent_);
  if (services().config.heartbeat.count() == 0 || quiet + services().visit_interval <= services().config.heartbeat)
    return;
  sse::append_comment(own_text(), "");
  if (retry_edition_ != services().retry.edition()) renew_retry();
  services().metrics.heartbeats.add();
  wake();
}

void EventStream::finish() {
  if (ending_) return;
  ending_ = true;
  sse::append_retry(own_text(), services().retry.draw(services().random));
  own_text() += '\n';
  wake();
}

std::size_t EventStream::held_bytes() const {
  if (merge_) return merge_->held_bytes();
  return cursor_.log() == nullptr ? 0 : cursor_.held_bytes();
}

void EventStream::let_go() { connection().finish(*this, EndReason::slow); }

void EventStream::on_closed(EndReason reason) {
  const std::size_t topic_count = merge_ ? merge_->topic_names().size() : 1;
  if (cursor_.log() != nullptr) {
    topic::TopicLog& log = *cursor_.log();
    cursor_.leave();
    topics().leave(log, services().now);
  }
  if (merge_) merge_->leave(services().now);
  merge_.reset();
  if (const Opening* opened = opening())
    for (std::size_t index = 0; index != opened->logs.size(); ++index)
      if (topic::TopicLog* log = opened->logs[index])
        services().topics[opened->subscribe.topics[index].source]->leave(*log, services().now);
  if (account_)
    observe::log_stream_end(
        {.remote = connection().remote(),
         .method = "GET",
         .path = account_->path,
         .protocol = "h2",
         .status = 200,
         .topics = topic_count,
         .resumed = resumed_,
         .events = account_->events,
         .bytes = account_->bytes,
         .duration = std::chrono::duration_cast<std::chrono::milliseconds>(services().now - account_->opened),
         .reason = observe::name(reason)});
}

}  // namespace sluice::serve
