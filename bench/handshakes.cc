#include "bench/handshakes.h"

#include <utility>

#include "proto/event_source.h"

namespace sluice::bench {

Newcomer::Newcomer(CrowdThread& thread, unsigned number)
    : thread_(thread),
      request_(
          thread.setup().request(number % thread.setup().plan.crowd.topics, thread.setup().plan.crowd.last_event_id)),
      connection_(thread.loop(), thread.buffers(), thread.setup().tls, thread.setup().options_of(number)) {}

void Newcomer::begin() {
  asked_at_ = thread_.now();
  connection_.request(request_, *this);
}

void Newcomer::stop() {
  stopped_ = true;
  connection_.close();
}

void Newcomer::on_head(proto::StreamId, proto::ResponseHead&& head, bool) {
  if (const std::string refusal = proto::event_stream_refusal(head); !refusal.empty()) {
    stopped_ = true;
    thread_.on_refusal(refusal);
  } else {
    served_ = true;
    thread_.tally().open_time.record(thread_.now() - asked_at_);
  }
  connection_.close();
}

void Newcomer::on_close(proto::StreamId, std::uint32_t) {
  if (std::exchange(served_, false)) {
    thread_.tally().handshakes.add(1);
    ++thread_.slice().handshakes;
    ++thread_.slice().opened;
  } else if (!stopped_) {
    stopped_ = true;
    thread_.on_failed_attempt(connection_.error(), connection_.hopeless());
  }
  if (!stopped_) begin();
}

}  // namespace sluice::bench
