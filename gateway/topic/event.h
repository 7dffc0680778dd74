// Event: what a publisher or a source hands to a topic, before it is encoded into an entry.
// A value; made by serve/publish_body and by sources, consumed by the topic's home worker.
// Invariant (kept by whoever makes it): `type`, `idempotency_key` and `key` are free of CR, LF and NUL; `data` is
// UTF-8.
#pragma once

#include <optional>
#include <string>

namespace sluice::topic {

struct Event {
  std::string type;                // empty: "message"
  std::string data;                // any UTF-8, line ends included
  std::string idempotency_key;     // the publisher's id, never shown to subscribers; empty: none
  std::optional<std::string> key;  // conflation key
  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace sluice::topic
