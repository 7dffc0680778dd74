// Sanitise: makes an event of whatever a foreign system holds, or says that none can be made of it. Pure; every adapter
// of an engine calls it on its home worker's thread, before topic::Home. Publishing has rules of its own
// (serve/publish_body): a publisher can be told, a source cannot. Counts and logs nothing: Poison (poison.h) does.
// Invariant: an event that passed keeps topic::Event's invariant, is within the limits and is not named like one of
// ours
// (`sluice.`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/topic/event.h"

namespace sluice::source {

enum class Sanity : std::uint8_t {
  good,
  mended,     // data has its invalid UTF-8 replaced and its NULs removed; a name, id or key that broke a rule is gone
  too_large,  // drop it: its data has too many bytes or lines
};
[[nodiscard]] Sanity sanitise(topic::Event& event, const config::Limits& limits);

// Each maximal part of a sequence that is not UTF-8 becomes U+FFFD, as WHATWG decoders do (Unicode 15 §3.9).
[[nodiscard]] std::string with_valid_utf8(std::string_view text);

}  // namespace sluice::source
