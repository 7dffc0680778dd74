#include "bench/publisher.h"

#include <algorithm>

namespace sluice::bench {
namespace {

// Behind schedule, so many bodies are made before the loop gets its turn.
constexpr int bodies_per_turn = 64;

}  // namespace

Publisher::Publisher(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, const proto::TlsContext& tls,
                     const LoadOptions& options, const RunClock& clock, const Tally& tally,
                     const Subscribers& subscribers)
    : options_(options),
      clock_(clock),
      tally_(tally),
      subscribers_(subscribers),
      timer_(loop),
      sequences_(options.topics),
      connection_(loop, buffers, &tls, {.host = options.host, .port = options.port}) {
  for (unsigned topic = 0; topic < options.topics; ++topic) {
    proto::Request request{"POST", "https", authority(options), topic_path(options, topic), "", {}};
    request.fields.push_back({"content-type", options.publish_batch > 1 ? "application/x-ndjson" : "text/plain"});
    if (!options.secret.empty()) request.fields.push_back({"authorization", "Bearer " + options.secret});
    requests_.push_back(std::move(request));
  }
}

void Publisher::start() {
  running_ = true;
  if (options_.rate > 0) {
    next_ = std::chrono::steady_clock::now();
    publish_due();
  } else {
    const unsigned at_once = options_.one_at_a_time ? 1 : options_.publishes_in_flight;
    for (unsigned i = 0; i < at_once; ++i) publish(clock_.now());
  }
}

void Publisher::stop() {
  running_ = false;
  timer_.cancel();
}

void Publisher::publish_due() {
  const std::chrono::nanoseconds interval(static_cast<std::int64_t>(1e9 * options_.publish_batch / options_.rate));
  for (int i = 0; i < bodies_per_turn && next_ <= std::chrono::steady_clock::now(); ++i, next_ += interval)
    publish(clock_.since(next_));
  timer_.expires_at(next_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && running_) publish_due();
  });
}

void Publisher::publish(std::uint64_t scheduled) {
  const unsigned topic = topic_;
  topic_ = (topic_ + 1) % options_.topics;
  ++in_flight_;
  std::string events = body(topic, scheduled);
  count_ += options_.publish_batch;
  expected_ += options_.publish_batch * subscribers_.on_topic(topic);
  connection_.request(requests_[topic], *this, std::move(events));
}

std::string Publisher::body(unsigned topic, std::uint64_t scheduled) {
  if (options_.publish_batch == 1) return make_payload({sequences_[topic]++, scheduled}, options_.payload_bytes);
  std::string lines;
  lines.reserve(options_.publish_batch * (options_.payload_bytes + 12));
  for (unsigned i = 0; i < options_.publish_batch; ++i) {
    lines += "{\"data\":\"";
    lines += make_payload({sequences_[topic]++, scheduled}, options_.payload_bytes);
    lines += "\"}\n";
  }
  return lines;
}

void Publisher::on_head(proto::StreamId, proto::ResponseHead&& head, bool) {
  if (head.status / 100 == 2) return;
  ++refused_;
  if (failure_.empty()) failure_ = "status " + std::to_string(head.status);
}

void Publisher::on_body(proto::StreamId, std::span<const std::uint8_t>) {}

void Publisher::on_close(proto::StreamId, std::uint32_t code) {
  --in_flight_;
  if (code != 0) {
    ++refused_;
    if (failure_.empty()) failure_ = "reset with code " + std::to_string(code) + ' ' + connection_.error();
    return;
  }
  if (!running_ || options_.rate > 0) return;
  if (options_.one_at_a_time)
    proceed();
  else
    publish(clock_.now());
}

void Publisher::proceed() {
  if (running_ && options_.one_at_a_time && in_flight_ == 0 && tally_.deliveries >= expected_) publish(clock_.now());
}

}  // namespace sluice::bench
