// The full name of a topic that a foreign system's text names below a source: `orders` and "eu/fr" → `orders/eu/fr`.
// Pure; adapters call it for what `map.topic` finds. Invariant: a name that it gives is one that a request can ask for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/config/config.h"

namespace sluice::source {

// nullopt: no topic can have that name (an empty segment, ".", "..", "**", a control character, no UTF-8, too long).
// Empty text: the source's own topic.
[[nodiscard]] std::optional<std::string> topic_below(std::string_view source, std::string_view text,
                                                     const config::Limits& limits);

}  // namespace sluice::source
