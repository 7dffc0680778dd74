// Source: an adapter that appends to topics: it opens topics, takes events from its engine (or from publishers) and
// gives them to its home, in order. One per [source.NAME], owned by its home worker, on its thread. It never touches a
// subscriber. An engine with threads or sockets of its own hands over to the home's thread at one place in its file.
// Invariant: what it appends it appends once, and after a pause it goes on where it was.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/topic/home.h"
#include "gateway/topic/provider.h"

namespace sluice::source {

enum class State : std::uint8_t { starting, up, down, stopped };

class Source : public topic::Provider {
 public:
  // Opens what is there from the beginning; called once, before on_time().
  virtual void start(topic::TimePoint now) = 0;
  virtual void stop() = 0;
  [[nodiscard]] virtual State state() const = 0;
};

// A URL scheme that this build has.
struct Scheme {
  std::string_view scheme;   // "demo:"
  std::string_view summary;  // one line for `sluice version`
};
[[nodiscard]] std::vector<Scheme> schemes();
// The source that the URL's scheme names. `home` outlives it.
[[nodiscard]] std::unique_ptr<Source> make_source(const config::Source& config, topic::Home& home, std::uint64_t seed);

}  // namespace sluice::source
