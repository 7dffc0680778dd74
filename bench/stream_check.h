// StreamCheck: reads one event stream of a load run and judges every event: is it the next of its topic, how late is
// it. Owned by its subscriber; all of a run share one Tally. Pure: told the time. At ten million deliveries a second a
// full parser would measure the client. So an event that has exactly the layout of the last one (its length, "data: "
// where it was, a blank line at its end, digits in its payload) is taken in place: its sequence number and time are
// always checked, the rest of its bytes are not. Everything else, and every event of the streams made with `thorough`,
// goes through proto::sse::Parser and is compared whole. Invariant: each event of a topic is counted once, as
// delivered, repeated or reordered; each missing one as lost.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bench/histogram.h"
#include "bench/payload.h"
#include "proto/sse.h"

namespace sluice::bench {

struct Tally {
  std::uint64_t deliveries = 0, bytes = 0;
  std::uint64_t lost = 0, repeated = 0, reordered = 0;
  std::uint64_t malformed = 0;        // events that are neither ours nor the gateway's own, or whose filler was altered
  std::uint64_t gaps = 0;             // sluice.gap: loss that was announced (counted in `lost` as well)
  std::uint64_t parsed = 0;           // deliveries that took the full parser
  std::uint64_t first = 0, last = 0;  // when the bytes of the first and of the last delivery came
  Histogram latency;
};

class StreamCheck final : private proto::sse::ParserVisitor {
 public:
  StreamCheck(Tally& tally, std::size_t payload_bytes, bool thorough)
      : tally_(tally), parser_(*this), payload_bytes_(payload_bytes), thorough_(thorough) {}

  // Bytes of the body that were there at `now` (ns since the run began).
  void feed(std::string_view bytes, std::uint64_t now);
  // The topic had `published` events in all: what has not come is lost.
  void finish(std::uint64_t published);
  [[nodiscard]] std::uint64_t next() const { return next_; }

 private:
  void take(const Payload& payload);
  bool take_in_place(std::string_view bytes);
  std::size_t take_parsed(std::string_view bytes);
  void learn_layout(std::string_view block);
  void on_event(const proto::sse::EventView& event) override;

  Tally& tally_;
  proto::sse::Parser parser_;
  std::uint64_t now_ = 0;
  std::uint64_t next_ = 0;              // the sequence number that should come
  std::vector<std::uint64_t> missing_;  // lately skipped, to tell late from repeated
  std::size_t block_bytes_ = 0;         // of the last event; 0: no layout known
  std::size_t data_at_ = 0;             // where its "data: " began
  const std::size_t payload_bytes_;
  const bool thorough_;
  bool inside_block_ = false;  // the parser holds the beginning of an event
  char last_ = '\n';
};

}  // namespace sluice::bench
