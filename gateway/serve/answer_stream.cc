#include "gateway/serve/answer_stream.h"

#include <algorithm>
#include <cstring>

#include "gateway/observe/log.h"
#include "gateway/serve/connection.h"

namespace sluice::serve {

void AnswerStream::start() {
  begun_ = connection().services().now;
  if (!awaits_body() || expects_continue()) send_head();
}

void AnswerStream::on_body(std::span<const std::uint8_t> bytes) {
  connection().consume(*this, bytes.size());
  discarded_ += bytes.size();
  if (!answered() && discarded_ > 4 * connection().services().config.limits.body_size) send_head();
}

void AnswerStream::on_body_end() {
  if (!answered()) send_head();
}

void AnswerStream::on_time() {
  const Services& services = connection().services();
  if (!answered() && services.now - begun_ > services.config.limits.body_timeout) return send_head();
  if (!answered() || !is_blocked() || services.now - moved_ <= services.config.limits.stall_timeout) return;
  services.metrics.limit_hits[observe::Limit::stall_timeout].add();
  let_go();
}

void AnswerStream::answer(Answer&& answer) {
  answer_ = std::move(answer);
  send_head();
}

void AnswerStream::send_head() {
  status_ = answer_->head.status;
  moved_ = connection().services().now;
  if (line_.method == "HEAD") answer_->bytes = {};
  connection().respond(*this, answer_->head, answer_->bytes.empty());
  if (!answer_->bytes.empty()) wake();
}

Burst AnswerStream::prepare(std::size_t room) {
  if (!answered()) return {};
  const std::size_t rest = answer_->bytes.size() - sent_;
  const std::size_t size = std::min(room, rest);
  return {.size = size, .end = size == rest, .reset = false, .more = size != rest};
}

void AnswerStream::write_body(std::span<std::uint8_t> out) {
  std::memcpy(out.data(), answer_->bytes.data() + sent_, out.size());
  sent_ += out.size();
  moved_ = connection().services().now;
}

std::size_t AnswerStream::held_bytes() const {
  if (!answered() || !answer_->owner) return 0;
  return answer_->bytes.size() / static_cast<std::size_t>(answer_->owner.use_count());
}

// Cut, not ended: half a file that ends well would be taken for a whole one.
void AnswerStream::let_go() { connection().reset(*this, proto::ErrorCode::cancel, EndReason::slow); }

void AnswerStream::on_closed(EndReason reason) {
  Services& services = connection().services();
  if (!services.config.access_log || line_.method.empty()) return;
  observe::log_stream_end({.remote = connection().remote(),
                           .method = line_.method,
                           .path = line_.path,
                           .protocol = "h2",
                           .status = status_,
                           .bytes = sent_,
                           .reason = observe::name(reason)});
}

}  // namespace sluice::serve
