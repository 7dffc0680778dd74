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

struct Run {
  explicit Run(bool thorough = false) : check(tally, payload_bytes, thorough) {}
  void feed(const std::string& text, std::size_t fragment = 1 << 20) {
    for (std::size_t at = 0; at < text.size(); at += fragment)
      check.feed(std::string_view(text).substr(at, fragment), 3000);
  }
  Tally tally;
  StreamCheck check;
};

TEST_CASE("a clean stream counts every event once, whatever the sizes of the reads") {
  std::string stream = "retry: 2000\nid: k3fa.0\nevent: sluice.open\ndata: {\"topics\":[]}\n\n";
  for (std::uint64_t i = 0; i < 1200; ++i) stream += event(i) + (i % 50 == 0 ? ": \n\n" : "");
  for (const bool thorough : {false, true})
    for (const std::size_t fragment :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{127}, std::size_t{4096}, stream.size()}) {
      CAPTURE(thorough);
      CAPTURE(fragment);
      Run run(thorough);
      run.feed(stream, fragment);
      run.check.finish(1200);
      CHECK(run.tally.deliveries == 1200);
      CHECK(run.tally.lost + run.tally.repeated + run.tally.reordered + run.tally.malformed + run.tally.gaps == 0);
      CHECK(run.tally.latency.count() == 1200);
      CHECK(run.tally.latency.max() == 2000);
      if (thorough) CHECK(run.tally.parsed == 1200);
      if (!thorough && fragment == stream.size()) CHECK(run.tally.parsed < 60);
    }
}

TEST_CASE("lost, repeated and reordered events are told apart") {
  struct Row {
    const char* name;
    std::vector<std::uint64_t> sequence;
    std::uint64_t published, lost, repeated, reordered;
  };
  const Row rows[] = {
      {"lost in the middle", {0, 1, 4, 5}, 6, 2, 0, 0}, {"lost at the end", {0, 1, 2}, 5, 2, 0, 0},
      {"lost at the start", {2, 3}, 4, 2, 0, 0},        {"repeated", {0, 1, 1, 2, 0}, 3, 0, 2, 0},
      {"reordered", {0, 2, 1, 3}, 4, 0, 0, 1},          {"late and then again", {0, 2, 1, 1, 3}, 4, 0, 1, 1},
  };
  for (const Row& row : rows)
    for (const bool thorough : {false, true}) {
      CAPTURE(row.name);
      CAPTURE(thorough);
      Run run(thorough);
      for (const std::uint64_t sequence : row.sequence) run.feed(event(sequence));
      run.check.finish(row.published);
      CHECK(run.tally.lost == row.lost);
      CHECK(run.tally.repeated == row.repeated);
      CHECK(run.tally.reordered == row.reordered);
    }
}

TEST_CASE("an event that is not what was published is malformed") {
  Run run;
  run.feed("data: hello\n\n");
  run.feed("data: " + make_payload({0, 0}, payload_bytes - 1) + "\n\n");
  CHECK(run.tally.malformed == 2);
  Run thorough(true);
  std::string altered = event(0);
  altered[altered.size() - 10] = 'y';
  thorough.feed(altered);
  CHECK(thorough.tally.malformed == 1);
}

TEST_CASE("an announced gap is counted as such") {
  Run run;
  run.feed("id: 4\nevent: sluice.gap\ndata: {\"count\":4}\n\n");
  CHECK(run.tally.gaps == 1);
  CHECK(run.tally.malformed == 0);
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
