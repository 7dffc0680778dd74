#include "proto/http_client.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"

namespace sluice::proto {

HttpClient::HttpClient(const Options& options, Http2ClientVisitor& visitor) : options_(options), visitor_(visitor) {}

HttpClient::~HttpClient() {
  http2_.reset();
  http1_.reset();
  for (const WaitingRequest& gone : std::exchange(dropped_, {}))
    gone.response->on_close(gone.id, static_cast<std::uint32_t>(ErrorCode::cancel));
  for (const WaitingRequest& gone : std::exchange(waiting_, {}))
    gone.response->on_close(gone.id, static_cast<std::uint32_t>(ErrorCode::cancel));
}

StreamId HttpClient::request(const Request& head, ResponseVisitor& response, std::string body) {
  if (http2_) return http2_->request(head, response, std::move(body));
  const StreamId id = std::exchange(next_id_, next_id_ + 2);
  check(id > 0, "a connection has fewer than 2^30 streams in its life");
  waiting_.push_back({id, head, &response, std::move(body)});
  return id;
}

HttpClient::WaitingRequests::iterator HttpClient::find_waiting(StreamId id) {
  return std::ranges::find(waiting_, id, &WaitingRequest::id);
}

void HttpClient::reset(StreamId id) {
  if (http2_) return http2_->reset(id, ErrorCode::cancel);
  if (http1_ && http1_->busy() && http1_->stream() == id) return http1_->abandon();
  const auto found = find_waiting(id);
  if (found == waiting_.end()) return;
  dropped_.push_back(std::move(*found));
  waiting_.erase(found);
}

void HttpClient::pause(StreamId id) {
  if (http2_) return http2_->pause(id);
  if (http1_ && http1_->busy() && http1_->stream() == id) return http1_->pause();
  if (const auto found = find_waiting(id); found != waiting_.end()) found->paused = true;
}

void HttpClient::resume(StreamId id) {
  if (http2_) return http2_->resume(id);
  if (http1_ && http1_->busy() && http1_->stream() == id) return http1_->resume();
  if (const auto found = find_waiting(id); found != waiting_.end()) found->paused = false;
}

void HttpClient::goaway() {
  if (http2_) http2_->goaway(ErrorCode::no_error);
}

void HttpClient::ping() {
  if (http2_) http2_->ping();
}

void HttpClient::choose(Protocol protocol) {
  check(protocol_ == Protocol::undecided && protocol != Protocol::undecided, "a protocol is chosen once");
  protocol_ = protocol;
  if (protocol == Protocol::http1) {
    http1_ = std::make_unique<Http1Client>(options_.http1);
    return;
  }
  http2_ = std::make_unique<Http2Client>(options_.http2, visitor_);
  for (WaitingRequest& next : std::exchange(waiting_, {})) {
    http2_->set_next_id(next.id);
    http2_->request(next.head, *next.response, std::move(next.body));
    if (next.paused) http2_->pause(next.id);
  }
  http2_->set_next_id(next_id_);
}

void HttpClient::receive(std::span<const std::uint8_t> bytes) {
  if (http2_) http2_->receive(bytes);
  if (http1_) http1_->receive(bytes);
}

void HttpClient::receive_end() {
  if (http1_) http1_->receive_end();
}

void HttpClient::flush(ByteBuffer& out) {
  for (const WaitingRequest& gone : std::exchange(dropped_, {}))
    gone.response->on_close(gone.id, static_cast<std::uint32_t>(ErrorCode::cancel));
  if (http2_) return http2_->flush(out);
  if (!http1_) return;
  http1_->flush(out);  // may close the last request
  // As many as there are: one whose visitor asks again at once has its turn later.
  for (std::size_t left = waiting_.size(); left != 0 && http1_->idle() && !waiting_.empty(); --left) {
    const WaitingRequest next = std::move(waiting_.front());
    waiting_.pop_front();
    http1_->request(next.id, next.head, *next.response, next.body);
    if (next.paused) http1_->pause();
    http1_->flush(out);
  }
}

HttpClient::WaitingRequests HttpClient::take_waiting() { return std::exchange(waiting_, {}); }

void HttpClient::adopt(WaitingRequests waiting) {
  check(waiting_.empty() && next_id_ == 1, "requests are adopted before there are others");
  waiting_ = std::move(waiting);
  if (!waiting_.empty()) next_id_ = waiting_.back().id + 2;
}

bool HttpClient::finished() const {
  if (http2_) return http2_->finished();
  return http1_ && http1_->finished();
}

const std::optional<ConnectionError>& HttpClient::error() const {
  static const std::optional<ConnectionError> none;
  if (http2_) return http2_->error();
  return http1_ ? http1_->error() : none;
}

std::size_t HttpClient::stream_count() const {
  if (http2_) return http2_->stream_count();
  return waiting_.size() + dropped_.size() + (http1_ && http1_->busy() ? 1 : 0);
}

}  // namespace sluice::proto
