#include "gateway/source/sse_backend_topic.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::source {
namespace {

using Kind = SseBackendEvent::Kind;
using topic::GapReason;
using topic::OpenResult;

// For a backend that says where it is before its first event: later than this nobody waits for it.
constexpr std::chrono::milliseconds first_block_time{300};
constexpr std::size_t ids_min = 1024;  // an event that is sent again is known although the ring is small
constexpr std::size_t of_gap = 0;      // in the place of a content

topic::TimePoint now() { return std::chrono::steady_clock::now(); }

std::size_t content_hash(const topic::Event& event) {
  const std::hash<std::string_view> hash;
  return hash(event.data) * 31 + hash(event.type);
}

}  // namespace

SseBackendTopic::SseBackendTopic(SseBackendShared& shared, std::string name, const SseBackendStream::Options& stream,
                                 bool may_be_unknown)
    : shared_(shared),
      name_(std::move(name)),
      may_be_unknown_(may_be_unknown),
      stream_(shared.context.io, shared.buffers, stream, *this),
      reader_(shared.format, shared.poison, shared.own_count, name_),
      past_(
          shared.context.io, shared.buffers,
          {.name = name_,
           .stream = stream,
           .make_reader = [this] { return SseBackendReader(shared_.format, shared_.poison, shared_.own_count, name_); },
           .ring_holds = [this](std::string_view position) { return ring_holds(position); },
           .backend_is_there = [this] { return stream_.open(); },
           .is_steady = [this] { return stream_.open() && !catching_up_; },
           .is_another = [this](std::string_view position,
                                const topic::Event& event) { return is_another(position, event); },
           .begin_anew = [this] { begin_anew(); }}),
      ids_(std::max(shared.context.config.history.entries, ids_min)),
      first_block_(shared.context.io) {}

void SseBackendTopic::stop() {
  first_block_.cancel();
  stream_.stop();
  past_.stop();
}

// --- Opening -------------------------------------------------------------------------------------------------------

void SseBackendTopic::open(OpenDone done) {
  if (!index_) return opening_.push_back(std::move(done));
  (void)shared_.context.home.open(name_, now());  // it is used
  done(OpenResult::opened);
}

void SseBackendTopic::finish_open(const std::string& position) {
  first_block_.cancel();
  index_ = shared_.context.home.open(name_, now(), position);
  if (!index_) return fail_open(OpenResult::too_many_topics);
  answer(OpenResult::opened);
}

void SseBackendTopic::answer(OpenResult result) {
  for (const OpenDone& done : std::exchange(opening_, {})) done(result);
}

void SseBackendTopic::fail_open(OpenResult result) {
  failed_ = true;
  stop();
  answer(result);
  shared_.on_failed(name_, result);
}

void SseBackendTopic::on_open() {
  shared_.on_state(name_, {});
  if (!index_) {
    first_block_.expires_after(first_block_time);
    first_block_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
      if (error || alive.expired() || index_ || failed_) return;
      finish_open(
          encode_backend_id(stream_.last_event_id()).value_or(shared_.format.own_position({}, ++shared_.own_count)));
    });
  } else if (was_away_) {
    // Asked by an id, the backend sends what was missed, or says what it does not have. Without one nobody knows.
    const bool nameless = stream_.last_event_id().empty() || reader_.saw_event_without_id();
    if (nameless && !std::exchange(told_of_loss_, true)) append_gap(GapReason::source_lost, reader_.own_position());
    catching_up_ = true;
  }
  was_away_ = false;
}

// --- What comes ----------------------------------------------------------------------------------------------------

void SseBackendTopic::on_event(const proto::sse::EventView& view) {
  const SseBackendEvent taken = reader_.take(view);
  if (taken.kind == Kind::error && !index_ && may_be_unknown_) return fail_open(OpenResult::unknown_topic);
  if (!index_ && taken.kind != Kind::error && taken.kind != Kind::ignored)
    finish_open(taken.kind == Kind::open && !taken.position.empty()
                    ? taken.position
                    : shared_.format.own_position({}, ++shared_.own_count));
  if (!index_) return;
  if (taken.kind == Kind::event && taken.sent_again && catching_up_) {
    const auto* known = ids_.find(reader_.last());
    if (known != nullptr && known->content == content_hash(taken.event)) return;  // it begins with what was asked from
  }
  if (taken.kind == Kind::event) append(taken);
  if (taken.kind == Kind::gap) append_gap(taken.reason, taken.position);
}

void SseBackendTopic::on_comment() {
  if (index_ || failed_) return;
  finish_open(
      encode_backend_id(stream_.last_event_id()).value_or(shared_.format.own_position({}, ++shared_.own_count)));
}

void SseBackendTopic::on_too_large(std::string_view last_event_id) { reader_.on_too_large(last_event_id); }

void SseBackendTopic::append(const SseBackendEvent& taken) {
  const std::size_t content = content_hash(taken.event);
  if (taken.has_id) {
    if (const auto* known = ids_.find(taken.position)) {
      if (catching_up_ && known->content == content) return;  // it sends more than was asked for
      begin_anew();
    }
    catching_up_ = false;
  } else {
    reader_.note_event_without_id();
  }
  told_of_loss_ = false;
  const topic::Sequence sequence = shared_.context.home.append(*index_, taken.position, taken.event, now());
  shared_.context.metrics.events.add();
  ids_.add(taken.position, {content, sequence});
  past_.on_appended(taken.position);
}

void SseBackendTopic::append_gap(GapReason reason, const std::string& position) {
  const std::string to = ids_.find(position) == nullptr ? position : reader_.own_position();
  shared_.context.home.append_gap(*index_, reason, to, now());
  shared_.context.metrics.gaps.add();
  ids_.add(to, {of_gap, shared_.context.home.last()});
  past_.on_appended(to);
}

bool SseBackendTopic::is_another(std::string_view position, const topic::Event& event) const {
  const auto* known = ids_.find(position);
  return known != nullptr && known->content != of_gap && known->content != content_hash(event);
}

// An id that was another event's: the backend counts from its beginning again.
void SseBackendTopic::begin_anew() {
  ids_.clear();
  shared_.context.home.restart(*index_, reader_.own_position(), GapReason::recreated, now());
  shared_.context.metrics.gaps.add();
  past_.give_up();
}

void SseBackendTopic::on_away(const std::string& why) {
  was_away_ = true;
  first_block_.cancel();
  shared_.on_state(name_, why);
}

void SseBackendTopic::on_refused(int status, const std::string& why) {
  was_away_ = true;
  first_block_.cancel();
  if (!refused_since_) refused_since_ = now();
  const bool unknown = status >= 400 && status < 500 && status != 401 && status != 403 && status != 429;
  // And whatever else it says of a topic that never opened: nobody may hold a place in the source for ever with it.
  const bool lingered = *refused_since_ + shared_.context.config.linger <= now();
  if (may_be_unknown_ && !index_ && (unknown || lingered)) return fail_open(OpenResult::unknown_topic);
  shared_.on_state(name_, why);
}

// --- The past ------------------------------------------------------------------------------------------------------

bool SseBackendTopic::ring_holds(std::string_view position) const {
  if (!index_) return false;
  const topic::TopicLog& log = shared_.context.home.topics().log(*index_);
  if (position == log.evicted_position()) return true;
  const auto* known = ids_.find(position);
  return known != nullptr && known->sequence > log.evicted_through();
}

void SseBackendTopic::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  if (!index_) return done(nullptr);
  if (request.after.empty() || request.since) return done(page_of_ring(request, limits));
  const auto position = parse_backend_position(request.after);
  if (!position || (position->id.empty() && !ring_holds(request.after))) return done(nullptr);
  shared_.context.metrics.pages.add();
  past_.read(request.after, limits, std::move(done));
}

// "The oldest", and a time: a backend knows neither. What there is of it is the ring.
topic::PagePtr SseBackendTopic::page_of_ring(const topic::ReadRequest& request, const topic::ReadLimits& limits) const {
  const topic::TopicLog& log = shared_.context.home.topics().log(*index_);
  auto page = std::make_shared<topic::Page>();
  page->after = request.after;
  topic::Offset next = log.first();
  if (request.since) {
    const auto ago = std::chrono::system_clock::now() - *request.since;
    const auto since = now() - std::chrono::duration_cast<topic::TimePoint::duration>(ago);
    while (next != log.head() && log.at(next).arrived() < since) ++next;
    if (next == log.first() && log.first() != 0) page->gap = GapReason::trimmed;  // it may have been younger
  }
  page->from = next == log.first() ? log.evicted_position() : std::string(log.at(next - 1).position());
  page->through = page->from;
  std::size_t bytes = 0;
  for (; next != log.head() && page->entries.size() < limits.entries && bytes < limits.bytes; ++next) {
    page->entries.push_back(log.pointer(next));
    page->through = log.at(next).position();
    bytes += log.at(next).footprint();
  }
  return page;
}

}  // namespace sluice::source
