// A visitor of an event stream that keeps what it was told, and the options of a stream that loses no time.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gateway/client/event_stream_client.h"
#include "tests/gateway/client/conversation.h"

namespace sluice::client {

struct Subscriber final : EventStreamVisitor {
  void on_open(const proto::ResponseHead&) override { ++opens; }
  void on_event(const proto::sse::EventView& event) override { events.emplace_back(event.data); }
  void on_reconnecting(std::chrono::milliseconds wait, const std::string& why) override {
    waits.push_back(why);
    times.push_back(wait);
  }
  void on_end(const std::string& why) override {
    ++ends;
    end_reason = why;
  }
  int opens = 0, ends = 0;
  std::vector<std::string> events, waits;
  std::vector<std::chrono::milliseconds> times;
  std::string end_reason;
};

inline EventStreamClient::Options quick(std::string path) {
  EventStreamClient::Options options;
  options.request = {"", "", "localhost", std::move(path), "", {}};
  options.source.reconnection_time = options.source.reconnection_time_min = std::chrono::milliseconds(1);
  return options;
}

}  // namespace sluice::client
