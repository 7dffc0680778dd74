// PublishStream: serves one POST: collects the body within limits and time, parses it whole, hands the events to the
// topic's source and answers the positions. All or nothing. Owned by its connection, on its thread.
// Invariant: what body_ holds is counted in metrics.body_bytes, of which limits.bodies bounds the sum of all workers.
#pragma once

#include "gateway/serve/answer_stream.h"
#include "gateway/serve/event_stream.h"
#include "gateway/serve/publish_body.h"
#include "gateway/serve/services.h"

namespace sluice::serve {

// A valid request to publish, its body still to come.
struct PublishRequest {
  TopicRef topic;
  std::string content_type;
  QueryParameters query;
  std::vector<proto::Field> fields;  // more fields for the answer: CORS
  RequestLine line;
};

class PublishStream final : public AnswerStream {
 public:
  // Bytes of bodies in one turn of the loop, but one body at least.
  static constexpr std::size_t parsed_per_turn = 64 * 1024;

  PublishStream(Services& services, PublishRequest&& request)
      : AnswerStream(request.line), services_(services), request_(std::move(request)) {}

  void start() override;
  void on_body(std::span<const std::uint8_t> bytes) override;
  void on_body_end() override;
  void on_time() override;
  void on_closed(EndReason reason) override;
  // Its turn has come: on_body_end() left the body to a later turn.
  void go_on() { parse(); }
  // The source's answer.
  void on_published(const topic::PublishResult& result);

 private:
  void parse();
  void refuse(const Problem& problem);
  void refuse_size();
  void refuse_room();
  void drop_body();
  void reply(Answer&& answer);

  Services& services_;
  PublishRequest request_;
  std::string body_;
  std::size_t received_ = 0;
  topic::TimePoint begun_, heard_;
  bool complete_ = false;  // the body; the source's answer takes the time that it takes
  bool no_room_ = false;   // limits.bodies were in progress: nothing of it is kept
};

}  // namespace sluice::serve
