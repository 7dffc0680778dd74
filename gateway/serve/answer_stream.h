// AnswerStream: serves a finite answer: an error, a file, a publish's result. Owned by its connection, on its thread.
#pragma once

#include <optional>
#include <string>

#include "gateway/serve/answer.h"
#include "gateway/serve/stream.h"
#include "gateway/topic/entry.h"

namespace sluice::serve {

// What is kept of a request that is not for an event stream: what the access log says, and whether it sends its body
// only when it is told to (`expect: 100-continue`, RFC 9110 §10.1.1).
struct RequestLine {
  std::string method, path;
  bool expects_continue = false;
};

class AnswerStream : public Stream {
 public:
  explicit AnswerStream(Answer answer, RequestLine line = {}) : answer_(std::move(answer)), line_(std::move(line)) {}

  // An answer to HEAD has no bytes (RFC 9110 §9.3.2).
  // While the request's body still comes, the answer waits for its end (bounded in bytes and time): a client that is
  // answered in the middle of sending, and then reset, reports the reset and not the answer (curl 7.88).
  void start() override;
  void on_body(std::span<const std::uint8_t> bytes) override;
  void on_body_end() override;
  void on_time() override;
  Burst prepare(std::size_t room) override;
  void write_body(std::span<std::uint8_t> out) override;
  void finish() override {}  // it ends by itself
  [[nodiscard]] std::size_t rest() const override { return answered() ? answer_->bytes.size() - sent_ : SIZE_MAX; }
  [[nodiscard]] std::size_t held_bytes() const override;
  void let_go() override;
  void on_closed(EndReason reason) override;

 protected:
  // Without an answer yet: start() is the derived class's.
  explicit AnswerStream(RequestLine line) : line_(std::move(line)) {}
  // Sends the head now and the bytes as the window allows.
  void answer(Answer&& answer);
  [[nodiscard]] bool answered() const { return status_ != 0; }
  // The body comes only after Connection::proceed().
  [[nodiscard]] bool expects_continue() const { return awaits_body() && line_.expects_continue; }

 private:
  void send_head();

  std::optional<Answer> answer_;
  RequestLine line_;
  std::size_t sent_ = 0, discarded_ = 0;
  topic::TimePoint begun_{}, moved_{};
  int status_ = 0;
};

}  // namespace sluice::serve
