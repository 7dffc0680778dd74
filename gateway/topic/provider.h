// Provider: what the serving side may ask of a source, without knowing which engine it is: open a topic, publish into
// it, read the past, hold on while a worker has no room, and do what is due. Implemented by every source, owned by its
// home worker, which tells it the time; but for may_have() and has_wildcards() called only on that worker's thread.
// Invariant: every `done` is called at most once: not where the source was stopped, or told to drop the topic, first.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/topic/event.h"
#include "gateway/topic/mailbox.h"
#include "gateway/topic/page.h"

namespace sluice::topic {

enum class OpenResult : std::uint8_t { opened, unknown_topic, too_many_topics };

struct PublishResult {
  enum class Kind : std::uint8_t {
    appended,
    not_publishable,
    unknown_topic,
    too_many_topics,
    busy,
    unavailable,   // the engine is not to be reached: nothing was written, or nobody knows (see `detail`)
    refused,       // the engine, or what it can do, forbids this one
    storage_full,  // nothing was written
  };
  Kind kind = Kind::appended;
  std::vector<std::string> positions = {};  // one per event, in order
  std::size_t repeated = 0;                 // of them: known by their idempotency key, not appended again
  std::string detail = {};                  // for a person, where it did not work
};

class Provider {
 public:
  virtual ~Provider() = default;
  // False: it can say at once, and for good, that it has no topic of that full name, so that a request gets 404 before
  // anything is opened. True also where only its engine knows: open() tells. Any thread, any time.
  [[nodiscard]] virtual bool may_have(std::string_view) const { return true; }
  // False: its topics are opened one by one, so nobody knows what a wildcard would be. Any thread, any time.
  [[nodiscard]] virtual bool has_wildcards() const { return true; }
  // Opens a topic by its full name ("topics/greetings"), so that every worker gets its log. Asked once until `done`.
  virtual void open(const std::string& topic, TimePoint now, std::function<void(OpenResult)> done) = 0;
  // Nobody has waited for these topics, which are being opened, since the linger: it drops them, unanswered.
  virtual void stop_opening(const std::set<std::string>&) {}
  // All or nothing. `done` is called when the events are as safe as this source makes them. By default nobody can: most
  // engines are only read.
  virtual void publish(const std::string& /*topic*/, std::vector<Event> events, TimePoint,
                       std::function<void(PublishResult)> done) {
    const std::vector<Event> unpublished = std::move(events);
    const std::function<void(PublishResult)> once = std::move(done);
    once({.kind = PublishResult::Kind::not_publishable});
  }
  // How many reads may wait for it at once: more where one waits for what its engine has not sent yet.
  [[nodiscard]] virtual std::size_t reads_at_once() const { return 4; }
  // Reads what its engine still has of the past, for sources whose SharedSource says that they replay. Answered when
  // the engine has answered, however long it is away.
  virtual void read(const ReadRequest&, const ReadLimits&, ReadDone done) {
    const ReadDone once = std::move(done);
    once(nullptr);
  }
  // A topic that nobody has used for the linger is gone; it opens again on demand.
  virtual void on_topic_closed(const std::string&) {}
  // Asks its engine for nothing more, and ends its threads. Once, on the home worker's thread, when its loop has ended.
  virtual void stop() {}
  // When on_time() is next wanted; TimePoint::max(): never.
  [[nodiscard]] virtual TimePoint due() const { return TimePoint::max(); }
  virtual void on_time(TimePoint) {}
  // Backpressure: a worker's mailbox is full; hold what can be held. go_on() when there is room again.
  virtual void pause() {}
  virtual void go_on() {}
};

}  // namespace sluice::topic
