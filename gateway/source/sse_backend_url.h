// SseBackendUrl: where the event stream of a topic is: `url = "https://host/feeds/{region}"` is one stream for each
// captured value, `https://host/feed` one stream. Pure; used by the SSE backend source on its home worker's thread.
// Invariant: whatever the topic, the stream is at the host of the URL, at a path of its shape.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/client/target.h"
#include "gateway/source/capture_template.h"

namespace sluice::source {

class SseBackendUrl {
 public:
  // `source`: the topics' first segment. Throws std::invalid_argument with what is wrong and how to write it.
  SseBackendUrl(std::string source, std::string_view url);

  // nullopt: no topic of this source.
  [[nodiscard]] std::optional<client::Target> target_of(std::string_view topic) const;
  [[nodiscard]] bool has_captures() const { return template_.capture_count() != 0; }
  [[nodiscard]] const client::Target& base() const { return base_; }

 private:
  const client::Target base_;
  const CaptureTemplate template_;  // of path and query
};

}  // namespace sluice::source
