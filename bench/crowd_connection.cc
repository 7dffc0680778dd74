#include "bench/crowd_connection.h"

#include <cmath>
#include <utility>

#include "bench/crowd_setup.h"
#include "bench/crowd_thread.h"

namespace sluice::bench {

bool is_slow(const Plan& plan, unsigned number) {
  if (plan.scenario != Scenario::slow_reader) return false;
  return std::floor((number + 1) * plan.slow.share) > std::floor(number * plan.slow.share);
}

CrowdConnection::CrowdConnection(CrowdThread& thread, unsigned number, bool joins_late)
    : thread_(thread),
      stream_count_(thread.setup().plan.crowd.streams),
      slow_(is_slow(thread.setup().plan, number)),
      subscribers_(std::make_unique<Subscriber[]>(stream_count_)),
      client_(thread.loop(), thread.buffers(), thread.setup().tls, thread.setup().options_of(number)) {
  client_.when_open([this] { on_open(); });
  const Crowd& crowd = thread.setup().plan.crowd;
  for (unsigned i = 0; i < stream_count_; ++i) {
    StreamPlace place;
    place.topic = static_cast<std::uint32_t>((std::uint64_t{number} * stream_count_ + i) % crowd.topics);
    place.last_event_id = crowd.last_event_id;
    place.slow = slow_;
    if (joins_late) place.next = StreamPlace::unknown;
    subscribers_[i].begin(*this, std::move(place));
  }
}

void CrowdConnection::open() {
  for (unsigned i = 0; i < stream_count_; ++i) subscribers_[i].ask();
}

void CrowdConnection::ask(Subscriber& subscriber) {
  if (client_.open()) return send(subscriber);
  if (!client_.idle()) return;  // on_open() sends it
  note_gone();
  if (std::exchange(attempted_, true)) thread_.on_reconnect();
  send(subscriber);
}

void CrowdConnection::send(Subscriber& subscriber) {
  subscriber.set_asked();
  const StreamPlace& place = subscriber.place();
  client_.request(thread_.setup().request(place.topic, place.last_event_id), subscriber);
}

void CrowdConnection::on_open() {
  open_ = true;
  thread_.tally().connections_open.add(1);
  if (stream_count_ > 1 && client_.protocol() == proto::HttpClient::Protocol::http1)
    return thread_.on_failure(
        "the server speaks HTTP/1.1, where a connection carries one event stream: ask for one "
        "stream on each connection, or for HTTP/2");
  for (unsigned i = 0; i < stream_count_; ++i)
    if (subscribers_[i].state() == Subscriber::State::wanting) send(subscribers_[i]);
}

void CrowdConnection::on_settled() {
  if (++settled_ == stream_count_) thread_.on_settled();
}

void CrowdConnection::note_gone() {
  if (client_.idle() && std::exchange(open_, false)) thread_.tally().connections_open.subtract(1);
}

// The connection may have gone with the stream, or was never made: who waited for it has to hear it.
void CrowdConnection::on_stream_end() {
  if (!client_.idle()) return;
  note_gone();
  for (unsigned i = 0; i < stream_count_; ++i)
    if (subscribers_[i].state() == Subscriber::State::wanting) subscribers_[i].fail();
}

void CrowdConnection::finish(const std::vector<std::uint64_t>& published) {
  for (unsigned i = 0; i < stream_count_; ++i) {
    StreamPlace& place = subscribers_[i].place();
    thread_.check().finish(place, published[place.topic]);
  }
}

}  // namespace sluice::bench
