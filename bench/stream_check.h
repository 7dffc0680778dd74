// StreamCheck: reads the event streams of one thread and judges every event: is it the next of its topic, how late is
// it. Owned by a CrowdThread, which has one for all its streams; a stream keeps a StreamPlace of 80 bytes between two
// reads, and a parser only while an event is cut. Pure: told the time. An event of the one shape that nearly all have
// (an id line, a data line with our payload, LF) is taken in place, every byte of it compared; everything else goes
// through proto::sse::Parser.
// Invariant: each event of a topic is counted once, as delivered, repeated or reordered; each missing one as lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/payload.h"
#include "bench/slice.h"
#include "bench/tally.h"
#include "proto/sse.h"

namespace sluice::bench {

// What one event stream keeps, also while it is not connected.
struct StreamPlace {
  static constexpr std::uint32_t no_retry = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t next = 0;  // the sequence number that should come; unknown: whatever comes first begins
  std::string last_event_id;
  std::uint32_t topic = 0;
  std::uint32_t retry_ms = no_retry;  // the last `retry:`
  std::uint32_t parser = 0;           // lent to it: its index and one
  bool slow = false;                  // it is made to read slowly, which its latency shows
  bool begun = false;                 // a byte of the connection's stream has come
  bool holes = false;                 // the check remembers what it missed
};

class StreamCheck final : private proto::sse::ParserVisitor {
 public:
  struct Options {
    std::size_t payload_bytes = 100;
    bool ours = true;   // the events are of this run: anything else is malformed. False: every event is a delivery
    bool timed = true;  // payloads say when they were due, on this run's clock
    // By topic, how many events were published; a higher sequence number is forged. Null: `published_max` of each.
    const std::atomic<std::uint64_t>* published = nullptr;
    std::uint64_t published_max = std::numeric_limits<std::uint64_t>::max();
  };
  // Both outlive it.
  StreamCheck(const Options& options, Tally& tally, Recorder& recorder);
  ~StreamCheck();
  StreamCheck(const StreamCheck&) = delete;
  StreamCheck& operator=(const StreamCheck&) = delete;

  // Bytes of the body that were there at `now` (ns on the payloads' clock). Events that were due before `since` are
  // what the stream missed while it was away: how late they are says nothing of the server.
  void feed(StreamPlace& place, std::string_view bytes, std::uint64_t now, std::uint64_t since = 0);
  // The connection's stream is over: an event that was cut is discarded (HTML §9.2.6).
  void cut(StreamPlace& place);
  // The topic had `published` events in all: what has not come is lost.
  void finish(StreamPlace& place, std::uint64_t published);
  [[nodiscard]] std::size_t parser_count() const { return parsers_.size(); }

 private:
  [[nodiscard]] std::size_t take_in_place(std::string_view bytes);
  [[nodiscard]] std::size_t take_parsed(std::string_view bytes);
  void keep_id();
  [[nodiscard]] proto::sse::Parser& borrow();
  void give_back();
  void take(const Payload& payload);
  void time(const Payload& payload);
  bool judge(std::uint64_t sequence);
  void count_fault(Count& count, std::uint64_t Faults::*fault);
  void on_event(const proto::sse::EventView& event) override;
  void on_retry(std::chrono::milliseconds time) override;

  const Options options_;
  const std::string filler_;
  Tally& tally_;
  Recorder& recorder_;
  std::vector<std::unique_ptr<proto::sse::Parser>> parsers_;
  std::vector<std::uint32_t> free_parsers_;
  std::unordered_map<const StreamPlace*, std::vector<SequenceRange>> holes_;

  // Of the feed() under way:
  StreamPlace* place_ = nullptr;
  Histogram* latency_ = nullptr;
  std::uint64_t now_ = 0, since_ = 0, deliveries_ = 0;
  std::string_view id_;  // of the last event that was taken in place
  bool has_id_ = false;
};

}  // namespace sluice::bench
