// Content negotiation (RFC 9110 §12.5.1): may this request be answered with an event stream?
// Pure; asked by serve/router for each GET on a route that streams.
#pragma once

#include <optional>

#include "gateway/serve/answer.h"
#include "proto/http.h"

namespace sluice::serve {

// True without an Accept field; the most specific of text/event-stream, text/* and */* decides, its q=0 refuses.
[[nodiscard]] bool accepts_event_stream(const proto::Request& request);
// An Accept field names text/event-stream itself, or there is none: whoever sent it reads event streams.
[[nodiscard]] bool names_event_stream(const proto::Request& request);
// 406 when it does not.
[[nodiscard]] std::optional<Problem> refuse_accept(const proto::Request& request);

}  // namespace sluice::serve
