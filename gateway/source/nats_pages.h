// NatsPages: pages of a JetStream stream's past (topic::Page), read by a consumer from a sequence on, filtered by the
// server where one subject filter covers the topics, and here where none does. Owned by NatsRequests, on its thread:
// it blocks. Invariant: as topic::Page's; what retention took while the page was read is not skipped silently.
#pragma once

#include <string>
#include <vector>

#include "gateway/source/nats_stream.h"
#include "gateway/topic/page.h"

namespace sluice::source {

class NatsPages {
 public:
  // All outlive it.
  NatsPages(const NatsMapping& mapping, const StreamPositionFormat& format) : mapping_(mapping), format_(format) {}

  struct Answer {
    topic::PagePtr page;             // nullptr: not now, ask again, ...
    std::string why;                 // ... because of this
    std::vector<const char*> flaws;  // of messages that were no good
  };
  [[nodiscard]] Answer read(NatsStream& stream, const topic::ReadRequest& request, const topic::ReadLimits& limits) const;

 private:
  // Where it begins, and what is lost before.
  [[nodiscard]] NatsStream::From begin(const topic::ReadRequest& request, const StreamState& state,
                                       topic::Page& page) const;
  void add(topic::Page& page, const topic::ReadRequest& request, const StreamMessage& message, Answer& answer) const;

  const NatsMapping& mapping_;
  const StreamPositionFormat& format_;
};

}  // namespace sluice::source
