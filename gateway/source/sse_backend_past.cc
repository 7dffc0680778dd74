#include "gateway/source/sse_backend_past.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include "proto/check.h"

namespace sluice::source {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t readings_max = 8;  // connections of one topic, beside its own
constexpr auto quiet_time = 200ms;       // after the head: a backend that has something sends it now
constexpr auto hold_time = 2s;           // of a read that waits for the backend's next event
constexpr auto unused_time = 5s;         // nobody asks for more: the reading is over
constexpr auto patience = 30s;           // with a silent backend, while others wait for a reading

}  // namespace

struct SseBackendPast::Reading final : SseBackendStream::Visitor {
  Reading(SseBackendPast& past, Waiting&& first, SseBackendPosition place)
      : owner(past),
        reader(past.topic_.make_reader()),
        after(std::move(first.after)),
        from(after),
        through(after),
        timer(past.loop_) {
    attach(first.limits, std::move(first.done));
    reader.set_last(place.id);
    if (place.own) push(topic::GapReason::source_lost, reader.own_position());
    stream = std::make_unique<SseBackendStream>(past.loop_, past.buffers_, past.topic_.stream, *this);
    stream->start(std::move(place.id));
  }

  // --- Who reads

  void attach(const topic::ReadLimits& wanted, topic::ReadDone asker) {
    limits = wanted;
    done = std::move(asker);
    used = steady_clock::now();
    if (met || (stream && stream->open())) answer_later(entries.empty() && !gap && !met ? hold_time : 0ms);
  }
  void answer_later(std::chrono::milliseconds time) {
    timer.expires_after(time);
    timer.async_wait([this, alive = std::weak_ptr(alive)](const boost::system::error_code& error) {
      if (!error && !alive.expired()) answer();
    });
  }
  void answer() {
    if (!done) return;
    auto page = std::make_shared<topic::Page>();
    page->after = std::exchange(after, through);
    page->from = std::exchange(from, through);
    page->through = through;
    page->gap = std::exchange(gap, std::nullopt);
    page->entries = std::exchange(entries, {});
    bytes = 0;
    used = steady_clock::now();
    if (std::exchange(paused, false)) stream->resume();
    const topic::ReadDone asker = std::exchange(done, nullptr);
    if (met) end();
    asker(std::move(page));
  }
  void give_up() {
    end();
    if (const topic::ReadDone asker = std::exchange(done, nullptr)) asker(nullptr);
  }
  void end() {
    ended = true;
    timer.cancel();
    stream->stop();
    owner.sweep_later();
  }

  // --- What comes

  void push(topic::EntryPtr entry, const std::string& position) {
    bytes += entry->footprint();
    entries.push_back(std::move(entry));
    through = position;
    heard = steady_clock::now();
  }
  void push(topic::GapReason reason, const std::string& position) {
    heard = steady_clock::now();
    if (entries.empty()) {  // nothing of the page comes before it: a stream that opens is told that it did not resume
      if (!gap) gap = reason;
      through = from = position;
      return;
    }
    const std::string data =
        topic::gap_data({.topic = owner.topic_.name, .from = through, .to = position, .reason = reason});
    push(topic::Entry::make(
             {.position = position, .type = "sluice.gap", .data = data, .sequence = 0, .arrived = steady_clock::now()}),
         position);
  }
  void on_open() override {
    // Nothing that follows its place can be had from there: an event that is too large and never ends.
    if (!ended && stream->last_event_id().empty()) return give_up();
    heard = steady_clock::now();
    if (lost) push(topic::GapReason::source_lost, reader.own_position());
    lost = false;
    begins = true;
    answer_later(quiet_time);
  }
  void on_event(const proto::sse::EventView& view) override {
    if (met || ended) return;
    const SseBackendEvent taken = reader.take(view);
    const bool event = taken.kind == SseBackendEvent::Kind::event;
    const bool first = event && std::exchange(begins, false);
    if (event && (taken.has_id || (first && taken.sent_again)) && (was_away || !owner.topic_.is_steady()) &&
        owner.topic_.is_another(reader.last(), taken.event))
      return owner.topic_.begin_anew();     // which ends this reading
    if (first && taken.sent_again) return;  // what was asked from, once more
    if (event && !taken.has_id) reader.note_event_without_id();
    if (taken.kind == SseBackendEvent::Kind::gap) {
      push(taken.reason, taken.position);
    } else if (event) {
      push(topic::Entry::make({.position = taken.position,
                               .type = taken.event.type,
                               .data = taken.event.data,
                               .sequence = 0,
                               .arrived = steady_clock::now()}),
           taken.position);
    } else {
      return;
    }
    met = taken.has_id && owner.topic_.ring_holds(taken.position);
    if (met) stream->stop();
    if (done) return answer_later(0ms);  // with what else has come in this turn
    const bool room = entries.size() < limits.entries && bytes < limits.bytes;
    if (met || room || std::exchange(paused, true)) return;
    stream->pause();
  }
  void on_too_large(std::string_view last_event_id) override { reader.on_too_large(last_event_id); }
  void on_away(const std::string&) override {
    was_away = true;
    lost = reader.saw_event_without_id();
  }
  void on_refused(int status, const std::string&) override {
    // While the backend gives others the topic, it is this place that it does not have; else it is the backend that is
    // away, and answers later.
    if (!ended && status != 0 && status != 429 && status < 500 && owner.topic_.backend_is_there()) give_up();
  }

  SseBackendPast& owner;
  SseBackendReader reader;
  std::string after, from, through;  // of the page that is gathered here
  std::optional<topic::GapReason> gap;
  std::vector<topic::EntryPtr> entries;
  std::size_t bytes = 0;
  topic::ReadLimits limits;
  topic::ReadDone done;  // who waits
  boost::asio::steady_timer timer;
  std::unique_ptr<SseBackendStream> stream;
  steady_clock::time_point used{}, heard = steady_clock::now();
  const std::shared_ptr<int> alive = std::make_shared<int>();
  bool met = false;  // the ring holds `through`
  bool lost = false, paused = false, ended = false;
  bool begins = false;  // no event has come since the backend was asked
  bool was_away = false;
};

SseBackendPast::SseBackendPast(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, Topic topic)
    : loop_(loop), buffers_(buffers), topic_(std::move(topic)) {}

SseBackendPast::~SseBackendPast() = default;

void SseBackendPast::read(const std::string& after, const topic::ReadLimits& limits, topic::ReadDone done) {
  if (stopped_) return done(nullptr);
  if (topic_.ring_holds(after)) {
    auto page = std::make_shared<topic::Page>();
    page->after = page->from = page->through = after;
    return done(std::move(page));
  }
  for (const auto& reading : readings_)
    if (!reading->ended && !reading->done && reading->after == after) return reading->attach(limits, std::move(done));
  Waiting waiting{after, limits, std::move(done)};
  if (readings_.size() < readings_max)
    begin(std::move(waiting));
  else
    queue_.push_back(std::move(waiting));
}

void SseBackendPast::begin(Waiting&& waiting) {
  auto from = parse_backend_position(waiting.after);
  check(from && !from->id.empty(), "only a position with an id of the backend can be asked for");
  readings_.push_back(std::make_unique<Reading>(*this, std::move(waiting), *std::move(from)));
}

void SseBackendPast::on_appended(std::string_view position) {
  for (const auto& reading : readings_) {
    if (reading->ended || reading->met || reading->through != position) continue;
    reading->met = true;
    reading->stream->stop();
    if (reading->done) reading->answer_later(0ms);
  }
}

void SseBackendPast::on_time(topic::TimePoint now) {
  for (std::size_t index = 0; index != readings_.size(); ++index) {
    Reading& reading = *readings_[index];
    if (reading.ended) continue;
    if (!reading.done && reading.used + unused_time < now)
      reading.end();
    else if (!queue_.empty() && reading.stream->open() && reading.heard + patience < now)
      reading.give_up();
  }
}

void SseBackendPast::give_up() {
  for (const Waiting& waiting : std::exchange(queue_, {})) waiting.done(nullptr);
  const std::size_t count = readings_.size();  // who is answered may ask for the next
  for (std::size_t index = 0; index != count; ++index)
    if (!readings_[index]->ended) readings_[index]->give_up();
}

void SseBackendPast::stop() {
  stopped_ = true;
  give_up();
}

// Not from inside a reading's own callback.
void SseBackendPast::sweep_later() {
  if (std::exchange(sweeping_, true)) return;
  boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) sweep();
  });
}

void SseBackendPast::sweep() {
  sweeping_ = false;
  std::erase_if(readings_, [](const auto& reading) { return reading->ended; });
  while (!stopped_ && readings_.size() < readings_max && !queue_.empty()) {
    Waiting next = std::move(queue_.front());
    queue_.pop_front();
    read(next.after, next.limits, std::move(next.done));
  }
}

}  // namespace sluice::source
