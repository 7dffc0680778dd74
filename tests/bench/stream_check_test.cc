#include "bench/stream_check.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::bench {
namespace {

constexpr std::size_t payload_bytes = 100;

std::string event(std::uint64_t sequence) {
  return "id: k3fa." + std::to_string(sequence) + "\ndata: " + make_payload({sequence, 1000}, payload_bytes) + "\n\n";
}

struct Stream {
  explicit Stream(StreamCheck::Options options = {}) : check(options, tally, recorder) {}
  void feed(const std::string& text, std::size_t fragment = 1 << 20) {
    for (std::size_t at = 0; at < text.size(); at += fragment)
      check.feed(place, std::string_view(text).substr(at, fragment), 3000);
  }
  [[nodiscard]] std::uint64_t faults() const {
    return tally.lost.value() + tally.repeated.value() + tally.reordered.value() + tally.malformed.value() +
           tally.gaps.value();
  }
  Tally tally;
  Recorder recorder{1'000'000'000};
  StreamPlace place;
  StreamCheck check;
};

TEST_CASE("a clean stream counts every event once, whatever the sizes of the reads") {
  std::string text = "retry: 2000\nid: k3fa.0\nevent: sluice.open\ndata: {\"topics\":[]}\n\n";
  for (std::uint64_t i = 0; i < 1200; ++i) text += event(i) + (i % 50 == 0 ? ": \n\n" : "");
  for (const std::size_t fragment :
       {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{127}, std::size_t{4096}, text.size()}) {
    CAPTURE(fragment);
    Stream stream;
    stream.feed(text, fragment);
    stream.check.finish(stream.place, 1200);
    CHECK(stream.tally.deliveries.value() == 1200);
    CHECK(stream.faults() == 0);
    CHECK(stream.recorder.slice().latency.count() == 1200);
    CHECK(stream.recorder.slice().latency.max() == 2000);
    CHECK(stream.place.last_event_id == "k3fa.1199");
    CHECK(stream.place.retry_ms == 2000);
    CHECK(stream.place.parser == 0);
  }
}

TEST_CASE("streams share parsers, and have one only while an event is cut") {
  Stream first;
  StreamPlace second;
  const std::string one = event(0);
  first.feed(one.substr(0, 20));
  first.check.feed(second, std::string_view(one).substr(0, 30), 3000);
  CHECK(first.check.parser_count() == 2);
  first.feed(one.substr(20));
  first.check.feed(second, std::string_view(one).substr(30), 3000);
  CHECK(first.tally.deliveries.value() == 2);
  StreamPlace third;
  first.check.feed(third, one.substr(0, 50), 3000);
  CHECK(first.check.parser_count() == 2);
  CHECK(third.parser != 0);
}

TEST_CASE("lost, repeated and reordered events are told apart") {
  struct Row {
    const char* name;
    std::vector<std::uint64_t> sequence;
    std::uint64_t published, lost, repeated, reordered;
  };
  const Row rows[] = {
      {"lost in the middle", {0, 1, 4, 5}, 6, 2, 0, 0},  {"lost at the end", {0, 1, 2}, 5, 2, 0, 0},
      {"lost at the start", {2, 3}, 4, 2, 0, 0},         {"repeated", {0, 1, 1, 2, 0}, 3, 0, 2, 0},
      {"reordered", {0, 2, 1, 3}, 4, 0, 0, 1},           {"late and then again", {0, 2, 1, 1, 3}, 4, 0, 1, 1},
      {"out of a wide hole", {0, 9, 4, 5}, 10, 6, 0, 2}, {"the last of a hole", {0, 5, 4, 4}, 6, 3, 1, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Stream stream;
    for (const std::uint64_t sequence : row.sequence) stream.feed(event(sequence));
    stream.check.finish(stream.place, row.published);
    CHECK(stream.tally.lost.value() == row.lost);
    CHECK(stream.tally.losses[0].count() == row.lost);
    CHECK(stream.tally.repeated.value() == row.repeated);
    CHECK(stream.tally.reordered.value() == row.reordered);
  }
}

TEST_CASE("who comes back goes on where the stream was cut") {
  Stream stream;
  stream.feed(event(0) + event(1) + event(2).substr(0, 50));
  stream.check.cut(stream.place);
  CHECK(stream.place.parser == 0);
  CHECK(stream.place.last_event_id == "k3fa.1");
  stream.feed("\xEF\xBB\xBFid: k3fa.1\nevent: sluice.open\ndata: {}\n\n" + event(2) + event(3));
  stream.check.finish(stream.place, 4);
  CHECK(stream.tally.deliveries.value() == 4);
  CHECK(stream.faults() == 0);
}

TEST_CASE("what was due while a stream was away is counted apart: it shows the absence, not the server") {
  Stream stream;
  stream.feed(event(0));
  stream.check.cut(stream.place);
  const std::uint64_t latencies = stream.recorder.slice().latency.count();
  stream.check.feed(stream.place, event(1), 5'000, 4'000);
  CHECK(stream.tally.caught_up.count() == 1);
  CHECK(stream.recorder.slice().latency.count() == latencies);
  stream.check.feed(stream.place, event(2), 5'000, 0);
  CHECK(stream.recorder.slice().latency.count() == latencies + 1);
  CHECK(stream.tally.deliveries.value() == 3);
}

TEST_CASE("who joins late begins with what comes first") {
  Stream stream;
  stream.place.next = StreamPlace::unknown;
  stream.feed(event(7) + event(8) + event(10));
  stream.check.finish(stream.place, 11);
  CHECK(stream.tally.lost.value() == 1);
  CHECK(stream.tally.deliveries.value() == 3);
}

TEST_CASE("an event that is not what was published is malformed") {
  Stream stream;
  stream.feed("data: hello\n\n");
  stream.feed("data: " + make_payload({0, 0}, payload_bytes - 1) + "\n\n");
  CHECK(stream.tally.malformed.value() == 2);
  std::string altered = event(0);
  altered[altered.size() - 10] = 'y';
  stream.feed(altered);
  CHECK(stream.tally.malformed.value() == 3);
  // A bare CR ends a line: the rest is another field.
  std::string forged = event(0);
  forged.replace(forged.size() - 20, 10, "\rid: evil\n");
  stream.feed(forged);
  CHECK(stream.tally.malformed.value() == 4);
  CHECK(stream.tally.deliveries.value() == 0);
}

TEST_CASE("a sequence number that nobody published is malformed, not a million losses") {
  StreamCheck::Options options;
  options.published_max = 5;
  Stream stream(options);
  stream.feed(event(0) + event(999'999'999'999) + event(1));
  CHECK(stream.tally.malformed.value() == 1);
  CHECK(stream.tally.lost.value() == 0);
  CHECK(stream.tally.deliveries.value() == 2);
}

TEST_CASE("line ends of CR and of CRLF are read too") {
  for (const std::string end : {"\r", "\r\n"}) {
    std::string text;
    for (std::uint64_t i = 0; i < 10; ++i)
      text += "id: " + std::to_string(i) + end + "data: " + make_payload({i, 1000}, payload_bytes) + end + end;
    for (const std::size_t fragment : {std::size_t{1}, std::size_t{13}, text.size()}) {
      CAPTURE(fragment);
      Stream stream;
      stream.feed(text, fragment);
      stream.check.cut(stream.place);
      CHECK(stream.tally.deliveries.value() == 10);
      CHECK(stream.faults() == 0);
      CHECK(stream.place.last_event_id == "9");
    }
  }
}

TEST_CASE("events of others are counted as deliveries") {
  StreamCheck::Options options;
  options.ours = options.timed = false;
  Stream stream(options);
  stream.feed("data: hello\n\nevent: price\ndata: 1\ndata: 2\n\n: \n\n" + event(5) + event(5));
  CHECK(stream.tally.deliveries.value() == 4);
  CHECK(stream.faults() == 0);
  CHECK(stream.recorder.slice().latency.count() == 0);
}

TEST_CASE("an announced gap is counted as such") {
  Stream stream;
  stream.feed("id: 4\nevent: sluice.gap\ndata: {\"count\":4}\n\n");
  CHECK(stream.tally.gaps.value() == 1);
  CHECK(stream.tally.malformed.value() == 0);
}

TEST_CASE("losses of many streams are counted without what was never acknowledged") {
  LossLedger ledger, other;
  for (int stream = 0; stream < 3; ++stream) ledger.missed({10, 20});
  other.missed({15, 25});
  other.came(17);
  ledger.merge(other);
  CHECK(ledger.count() == 39);
  CHECK(ledger.count({{12, 14}, {19, 21}}) == 39 - 2 * 3 - 4 - 1);
  CHECK(joined({{5, 7}, {1, 2}, {2, 4}, {6, 9}}) == std::vector<SequenceRange>{{1, 4}, {5, 9}});
}

TEST_CASE("a payload is read back as it was made") {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{99'999'999},
                                     std::uint64_t{100'000'000}, std::uint64_t{1234567890123456}})
    CHECK(parse_payload(make_payload({number, number / 3}, 40)) == Payload{number, number / 3});
  CHECK_FALSE(parse_payload(std::string(40, 'x')).has_value());
  CHECK_FALSE(parse_payload("0000000000000001 000000000000000").has_value());
}

}  // namespace
}  // namespace sluice::bench
