#include "gateway/serve/event_stream.h"

#include <algorithm>

#include "gateway/observe/log.h"
#include "gateway/serve/connection.h"
#include "proto/check.h"
#include "proto/json.h"
#include "proto/sse.h"

namespace sluice::serve {

namespace sse = proto::sse;
using topic::Wish;

struct EventStream::Opening {
  Subscribe subscribe;
  std::vector<topic::TopicLog*> logs;  // by topic; nullptr: not joined yet
  std::vector<bool> asked;
};

// What the access line tells when the stream has ended; only when access lines are logged.
struct EventStream::Account {
  std::string path;
  topic::TimePoint opened;
  std::uint64_t events = 0, bytes = 0;
};

namespace {

std::uint32_t to_tick(topic::TimePoint time) {
  using std::chrono::duration_cast;
  return static_cast<std::uint32_t>(duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

}  // namespace

EventStream::EventStream(Services& services, Subscribe&& subscribe)
    : opening_(std::make_unique<Opening>()),
      sent_(to_tick(services.now)),
      end_reset_(subscribe.end == config::End::reset) {
  const std::size_t count = subscribe.topics.size();
  opening_->subscribe = std::move(subscribe);
  opening_->logs.resize(count);
  opening_->asked.resize(count);
  if (services.config.access_log)
    account_ = std::make_unique<Account>(Account{.path = opening_->subscribe.path, .opened = services.now});
}

EventStream::~EventStream() {
  check(cursor_.log() == nullptr && !merge_, "a stream leaves its logs when it is closed");
}

Services& EventStream::services() const { return connection().services(); }

std::uint32_t EventStream::tick() const { return to_tick(services().now); }

std::string& EventStream::own_text() {
  if (!own_text_) own_text_ = std::make_unique<std::string>();
  return *own_text_;
}

namespace {

// Value for value (observe does not know topic).
observe::GapReason metric_of(topic::GapReason reason) { return static_cast<observe::GapReason>(reason); }

// Whether the client's id may go back to it in a header.
bool is_header_text(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Whether a position may be repeated in an `id:` as it is: plain text that crosses origins without a preflight.
bool is_plain_position(std::string_view text, std::size_t size_max) {
  return !text.empty() && text.size() <= size_max && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == ',';
  });
}

}  // namespace

// --- Opening -------------------------------------------------------------------------------------------------------

void EventStream::start() {
  proto::ResponseHead head;
  head.fields = {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
  const Subscribe& subscribe = opening_->subscribe;
  if (is_header_text(subscribe.last_event_id)) head.fields.push_back({"last-event-id", subscribe.last_event_id});
  head.fields.insert(head.fields.end(), subscribe.fields.begin(), subscribe.fields.end());
  connection().respond(*this, head, false);
  if (services().streams + services().sources.streams_elsewhere() > services().config.limits.streams) {
    services().metrics.limit_hits[observe::Limit::streams].add();
    return end_with("sluice.busy", R"({"reason":"limits.streams"})", EndReason::busy);
  }
  if (!try_open()) services().sources.await_open({connection().id(), id()});
}

void EventStream::end_with(std::string_view event, std::string_view data, EndReason reason) {
  sse::append_retry(own_text(), services().retry.draw(services().random));
  sse::append_event(own_text(), event, data);
  ending_ = true;
  connection().finish(*this, reason);
}

void EventStream::on_open_result(topic::OpenResult result) {
  if (!opening_ || ending_ || result == topic::OpenResult::opened) return;
  if (result == topic::OpenResult::too_many_topics) {
    services().metrics.limit_hits[observe::Limit::topics].add();
    return end_with("sluice.busy", R"({"reason":"limits.topics"})", EndReason::busy);
  }
  end_with("sluice.error", R"({"error":"unknown_topic"})", EndReason::complete);
}

namespace {

// What the client's last event id says about one source (design §5.4).
Wish find_wish(const std::string& last_event_id, const config::Route& route, const topic::Topics& topics,
               const config::Limits& limits) {
  if (last_event_id.empty())
    return {.kind = route.start == config::Start::earliest ? Wish::Kind::earliest : Wish::Kind::now, .position = {}};
  if (last_event_id == "earliest") return {.kind = Wish::Kind::earliest, .position = {}};
  const auto parts = proto::parse_event_id(last_event_id, {limits.last_event_id, limits.topics_per_stream});
  if (!parts) return {.kind = Wish::Kind::position, .position = {}};  // hostile: not a position of anything
  for (const proto::IdPart& part : *parts)
    if (part.name.empty() || part.name == topics.source())
      return {.kind = Wish::Kind::position, .position = part.position};
  return {.kind = Wish::Kind::no_position, .position = {}};
}

}  // namespace

bool EventStream::try_open() {
  if (!opening_ || ending_) return true;
  Opening& opening = *opening_;
  const Subscribe& subscribe = opening.subscribe;
  bool complete = true;
  for (std::size_t index = 0; index != subscribe.topics.size(); ++index) {
    const TopicRef& ref = subscribe.topics[index];
    topic::Topics& topics = *services().topics[ref.source];
    if (opening.logs[index] != nullptr) continue;
    opening.logs[index] =
        topic::is_pattern(ref.name) ? &topics.join_view(ref.name, services().now) : topics.join(ref.name);
    if (opening.logs[index] != nullptr) continue;
    complete = false;
    if (opening.asked[index]) continue;
    opening.asked[index] = true;
    services().sources.open(ref.source, ref.name, {connection().id(), id()});
    if (opening_ == nullptr || ending_) return true;  // answered at once
    opening.logs[index] = topics.join(ref.name);
    complete = opening.logs[index] != nullptr;
  }
  complete = complete && std::ranges::none_of(opening.logs, [](auto* log) { return log == nullptr; });
  std::vector<Wish> wishes;
  for (const TopicRef& ref : subscribe.topics) {
    const topic::Topics& topics = *services().topics[ref.source];
    wishes.push_back(find_wish(subscribe.last_event_id, *subscribe.route, topics, services().config.limits));
    complete = complete && topic::can_start(topics, wishes.back());
  }
  if (!complete) return false;

  // Every topic is here: fix where each begins, then send the first block.
  resumed_ = !subscribe.last_event_id.empty();
  std::vector<topic::Start> starts;
  for (std::size_t index = 0; index != wishes.size(); ++index) {
    const topic::Topics& topics = *services().topics[subscribe.topics[index].source];
    starts.push_back(topic::find_start(topics, *opening.logs[index], wishes[index]));
    if (starts.back().gap) {
      resumed_ = false;
      services().metrics.gaps[metric_of(*starts.back().gap)].add();
    }
  }
  // The position from which each source runs: the client's own until a gap or an event replaces it.
  const auto position_of = [&](std::size_t index) -> std::string {
    const topic::Topics& topics = *services().topics[subscribe.topics[index].source];
    if (wishes[index].kind == Wish::Kind::position &&
        is_plain_position(wishes[index].position, services().config.limits.event_id))
      return wishes[index].position;
    topic::Sequence lowest = starts[index].after;
    for (std::size_t other = 0; other != starts.size(); ++other)
      if (subscribe.topics[other].source == subscribe.topics[index].source)
        lowest = std::min(lowest, starts[other].after);
    return topics.position(lowest);
  };
  if (starts.size() == 1) {
    open_single(starts[0], *services().topics[subscribe.topics[0].source], *opening.logs[0], position_of(0));
  } else {
    merge_ = std::make_unique<topic::Merge>(static_cast<topic::Subscriber&>(*this));
    for (std::size_t index = 0; index != starts.size(); ++index)
      merge_->add(*services().topics[subscribe.topics[index].source], *opening.logs[index], starts[index],
                  position_of(index));
    append_open_block(own_text(), merge_->id(), resumed_, merge_->topic_names());
  }
  opening_.reset();
  wake();
  return true;
}

void EventStream::open_single(const topic::Start& start, topic::Topics& topics, topic::TopicLog& log,
                              const std::string& position) {
  topics_ = &topics;
  cursor_.join(log, start.next, start.after, *this);
  std::string& text = own_text();
  append_open_block(text, position, resumed_, {log.name()});
  if (start.gap) {
    const std::string to = topics.position(start.after);
    topic::append_gap(text, {.topic = log.name(), .from = position, .to = to, .count = {}, .reason = *start.gap}, to);
  }
}

void EventStream::append_open_block(std::string& text, std::string_view id, bool resumed,
                                    const std::vector<std::string_view>& names) {
  const auto retry = services().retry.draw(services().random);
  sse::append_retry(text, retry);
  sse::append_id(text, id);
  if (opening_->subscribe.route->open == config::Open::id) {
    text += '\n';
    return;
  }
  std::string data = R"({"topics":[)";
  for (const std::string_view name : names) {
    if (data.back() != '[') data += ',';
    proto::append_json_string(data, name);
  }
  data += resumed ? R"(],"resumed":true,"retry":)" : R"(],"resumed":false,"retry":)";
  data += std::to_string(retry.count()) + "}";
  sse::append_event(text, "sluice.open", data);
}

// --- Sending -------------------------------------------------------------------------------------------------------

void EventStream::announce_gap() {
  const topic::TopicLog& log = *cursor_.log();
  const std::string from = topics_->position(cursor_.sequence());
  const std::string to = topics_->position(log.evicted_through());
  const std::uint64_t lost = cursor_.skip_gap();
  topic::append_gap(
      own_text(),
      {.topic = log.name(), .from = from, .to = to, .count = lost, .reason = topic::GapReason::slow_consumer}, to);
  services().metrics.gaps[observe::GapReason::slow_consumer].add();
}

void EventStream::count_deliveries(std::uint32_t completed) {
  if (account_) account_->events += completed;
  services().metrics.deliveries.add(completed);
}

Burst EventStream::ending(std::size_t size, bool more) const {
  const bool end = ending_ && !more;
  return {.size = size, .end = end, .reset = end && end_reset_, .more = more};
}

Burst EventStream::prepare(std::size_t room) {
  // An end does not wait for window: without it the event that has begun is cut, and the client discards it (HTML
  // §9.2.6). With it that event is finished, and the last `retry:` follows.
  if (ending_ && room == 0) return ending(0, false);
  std::uint64_t total = own_rest();
  if (merge_) {
    // Rendered now, copied by write_body(): several topics have no run of bytes to take.
    ByteBuffer& rendered = services().rendered;
    rendered.clear();
    if (ending_) merge_->stop();
    if (own_text_ && merge_->at_boundary()) {
      services().burst_text = static_cast<std::uint32_t>(std::min<std::uint64_t>(room, total));
      return ending(services().burst_text, services().burst_text != total || merge_->pending());
    }
    services().burst_text = 0;
    const std::uint32_t gaps = merge_->gap_count();
    // While text of its own waits, only the event that has begun is finished.
    const std::uint32_t completed = merge_->render(own_text_ ? std::min(room, merge_->current_rest()) : room, rendered);
    count_deliveries(completed);
    if (merge_->gap_count() != gaps)
      services().metrics.gaps[observe::GapReason::slow_consumer].add(merge_->gap_count() - gaps);
    return ending(rendered.size(), merge_->pending() || total != 0);
  }
  if (topics_ == nullptr) {  // still opening: only text of its own
    services().burst_text = static_cast<std::uint32_t>(std::min<std::uint64_t>(room, total));
    return ending(services().burst_text, services().burst_text != total);
  }
  // One gap at a time: a reader that takes a byte now and then does not make us keep one for each loss.
  if (!ending_ && cursor_.has_gap() && cursor_.at_boundary() && !own_text_) {
    announce_gap();
    total = own_rest();
  }
  total += ending_ ? cursor_.pinned_rest() : cursor_.pending();
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(room, total));
  return ending(size, size != total || (!ending_ && cursor_.has_gap()));
}

void EventStream::write_body(std::span<std::uint8_t> out) {
  if (account_) account_->bytes += out.size();
  sent_ = tick();
  const auto write_own = [&](std::size_t count) {
    std::memcpy(out.data(), own_text_->data() + own_sent_, count);
    own_sent_ += static_cast<std::uint32_t>(count);
    out = out.subspan(count);
    if (own_sent_ != own_text_->size()) return;
    own_text_.reset();
    own_sent_ = 0;
  };
  if (merge_ != nullptr && services().burst_text == 0) {
    std::memcpy(out.data(), services().rendered.bytes().data(), out.size());
    return;
  }
  if (topics_ == nullptr) {
    services().burst_text = 0;
    return write_own(out.size());
  }
  std::uint32_t completed = 0;
  if (own_text_) {
    const std::size_t pinned = std::min(out.size(), cursor_.pinned_rest());
    if (pinned != 0) {
      completed += cursor_.read(out.first(pinned));
      out = out.subspan(pinned);
    }
    if (!out.empty()) write_own(std::min(out.size(), own_rest()));
  }
  if (!out.empty()) completed += cursor_.read(out);
  count_deliveries(completed);
}

void EventStream::on_time() {
  const std::uint32_t now = tick();
  if (is_blocked()) {
    if (!std::exchange(blocked_, true)) blocked_since_ = now;
    if (std::min(now - blocked_since_, now - sent_) >= services().config.limits.stall_timeout.count()) {
      services().metrics.limit_hits[observe::Limit::stall_timeout].add();
      connection().finish(*this, EndReason::slow);
    }
    return;
  }
  blocked_ = false;
  if (is_ready() || own_text_ || ending_) return;
  // Silence stays below `heartbeat` although streams are visited every visit_interval only.
  const auto quiet = std::chrono::milliseconds(now - sent_);
  if (services().config.heartbeat.count() == 0 || quiet + services().visit_interval <= services().config.heartbeat)
    return;
  sse::append_comment(own_text(), "");
  services().metrics.heartbeats.add();
  wake();
}

void EventStream::finish() {
  if (ending_) return;
  ending_ = true;
  sse::append_retry(own_text(), services().retry.draw(services().random));
  own_text() += '\n';
  wake();
}

void EventStream::on_closed(EndReason reason) {
  const std::size_t topic_count = merge_ ? merge_->topic_names().size() : 1;
  if (cursor_.log() != nullptr) {
    topic::TopicLog& log = *cursor_.log();
    cursor_.leave();
    topics_->leave(log, services().now);
  }
  if (merge_) merge_->leave(services().now);
  merge_.reset();
  if (opening_)
    for (std::size_t index = 0; index != opening_->logs.size(); ++index)
      if (topic::TopicLog* log = opening_->logs[index])
        services().topics[opening_->subscribe.topics[index].source]->leave(*log, services().now);
  if (account_)
    observe::log_stream_end(
        {.remote = connection().remote(),
         .method = "GET",
         .path = account_->path,
         .protocol = "h2",
         .status = 200,
         .topics = topic_count,
         .resumed = resumed_,
         .events = account_->events,
         .bytes = account_->bytes,
         .duration = std::chrono::duration_cast<std::chrono::milliseconds>(services().now - account_->opened),
         .reason = observe::name(reason)});
}

}  // namespace sluice::serve
