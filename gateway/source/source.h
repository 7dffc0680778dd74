// Source: an adapter that appends to topics: it opens topics, takes events from its engine (or from publishers) and
// gives them to its home, in order. One per [source.NAME], owned by its home worker, on its thread. It never touches a
// subscriber. An engine with threads or sockets of its own hands over to the home's thread at one place in its file.
// Invariant: what it appends it appends once, and after a pause it goes on where it was.
//
// A source with an engine, in the order of its life:
//   start()      connects; knowing where its engine is now: home.start(position), or per topic home.open(…, start)
//   open()       answers when the topic's log is there; a source of one order for all topics opens what it receives
//   append       each event once, with its position; after a reconnect it goes on behind the last one it appended
//   read()       a page of the past (SharedSource::replays); says in `gap` what the engine no longer has
//   pause()      asks its engine for no more until go_on()
//   publish()    the engine's own write, answered after its acknowledgement; the event comes back through the source
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "gateway/config/config.h"
#include "gateway/observe/source_metrics.h"
#include "gateway/topic/home.h"
#include "gateway/topic/provider.h"

namespace sluice::source {

// What a source is given; all of it outlives the source.
struct Context {
  const config::Source& config;
  const config::Limits& limits;
  topic::Home& home;
  const topic::PositionFormat& format;  // what make_positions() gave
  boost::asio::io_context& io;          // the home worker's loop: handlers run on its thread, within its turns
  // Any thread: calls it on the home worker's thread, in a later turn.
  std::function<void(std::function<void()>)> post;
  observe::SourceMetrics& metrics;  // written on the home worker's thread only
  std::mt19937_64 random;
};

class Source : public topic::Provider {
 public:
  // Opens what is there from the beginning; called once, before the loop runs.
  virtual void start(topic::TimePoint now) = 0;
};

// How the source writes positions, and whether its engine keeps a past that can be read (topic::SharedSource).
struct Positions {
  std::shared_ptr<const topic::PositionFormat> format;
  bool replays = false;
};
[[nodiscard]] Positions make_positions(const config::Source& config, std::uint32_t random);
// Throws std::exception with what is wrong with the source's keys, as far as that shows without its engine.
void check_source(const config::Source& config);
// The source that the URL's scheme names. Throws std::runtime_error in one line that names the key.
[[nodiscard]] std::unique_ptr<Source> make_source(Context&& context);

}  // namespace sluice::source
