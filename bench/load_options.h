// What a load run does: made by main from the command line, or by a test. Values.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::bench {

struct LoadOptions {
  enum class Kind : std::uint8_t {
    deliver,     // publish, and check and time every delivery
    subscribe,   // check and time what others publish
    idle,        // streams that only exist: memory and CPU of the server
    handshakes,  // new connections with one stream each, as fast as the server accepts them
  };
  Kind kind = Kind::deliver;

  std::string host = "127.0.0.1";
  std::uint16_t port = 8443;
  std::string path = "/topics/t{}";  // {}: the number of the topic
  unsigned topics = 1;               // stream i subscribes to topic i % topics
  unsigned connections = 1;
  unsigned streams = 1;                   // per connection
  std::uint32_t stream_window = 6 << 20;  // Chromium's

  // Open model: event i is scheduled at i / rate, whatever became of the ones before. 0: as fast as it is acknowledged.
  double rate = 0;
  // The next event is published when the last was acknowledged and all its deliveries have come: nobody can batch.
  bool one_at_a_time = false;
  unsigned publish_batch = 1;        // events in one NDJSON body; 1: the event is the body
  unsigned publishes_in_flight = 8;  // without a rate
  // Polls instead of sleeping: on a virtual machine the server's send() pays 5-15 us to wake a sleeping client's core,
  // which says nothing about the server.
  bool spin = false;
  std::size_t payload_bytes = 100;
  std::string secret;  // bearer token for publishing

  // subscribe: how many events each stream is to receive, what to tell whoever publishes them once all streams are
  // open, and the instant of the steady clock from which payloads count their times.
  std::uint64_t expected_events = 0;
  std::function<void()> on_open;
  std::optional<std::chrono::steady_clock::time_point> epoch;

  std::chrono::milliseconds warmup{1000}, duration{10'000};  // subscribe: the longest wait for the first delivery
  unsigned events_before_idle = 0;                           // delivered to every stream before an idle run measures
  std::optional<pid_t> server;                               // whose CPU time and memory to read
};

}  // namespace sluice::bench
