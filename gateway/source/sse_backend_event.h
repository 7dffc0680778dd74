// What an SSE backend's event is here: its position, and what is to be done with it. Used by the two who read a backend
// (sse_backend_topic: what comes; sse_backend_past: what was), on the home worker's thread. Never touches a log.
// Invariant: positions that it gives are all different, as long as the backend's ids are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/source/poison.h"
#include "gateway/source/sse_backend_position.h"
#include "gateway/topic/gap.h"
#include "proto/sse.h"

namespace sluice::source {

struct SseBackendEvent {
  enum class Kind : std::uint8_t {
    event,
    gap,      // the backend (a sluice) announces a loss
    open,     // it says where its stream begins
    error,    // and that it has no such topic
    ignored,  // another notice of its own, or poison
  };
  Kind kind = Kind::event;
  std::string position;
  bool has_id = false;      // the position is the backend's own id
  bool sent_again = false;  // its id is that of the event before it
  topic::Event event;
  topic::GapReason reason = topic::GapReason::source_lost;
};

class SseBackendReader {
 public:
  // All outlive it. `own_count`: of all readers of a source, for positions of our own.
  SseBackendReader(const SseBackendFormat& format, Poison& poison, std::uint64_t& own_count, std::string topic)
      : format_(format), poison_(poison), own_count_(own_count), topic_(std::move(topic)) {}

  [[nodiscard]] SseBackendEvent take(const proto::sse::EventView& view);
  void on_too_large(std::string_view last_event_id);
  // A position of our own after the last id.
  [[nodiscard]] std::string own_position() { return format_.own_position(last_, ++own_count_); }
  // Where the backend was asked to go on.
  void set_last(std::string_view id) { last_ = encode_backend_id(id).value_or(""); }
  // The last id, encoded; empty: none.
  [[nodiscard]] const std::string& last() const { return last_; }
  void note_event_without_id() { saw_event_without_id_ = true; }
  // An event had no id of its own: what was lost of such while the backend was away, nobody can say.
  [[nodiscard]] bool saw_event_without_id() const { return saw_event_without_id_; }

 private:
  const SseBackendFormat& format_;
  Poison& poison_;
  std::uint64_t& own_count_;
  const std::string topic_;
  std::string last_;  // encoded; empty: none
  bool saw_event_without_id_ = false;
};

}  // namespace sluice::source
