#include "gateway/serve/event_stream.h"

#include <algorithm>
#include <span>
#include <utility>

#include "gateway/observe/log.h"
#include "gateway/serve/connection.h"
#include "proto/check.h"
#include "proto/json.h"
#include "proto/sse.h"

namespace sluice::serve {

namespace sse = proto::sse;
using topic::Wish;

struct EventStream::Opening {
  // Topics that share positions: of one source, or one topic of a source whose topics have positions of their own.
  struct Part {
    std::size_t first = 0, count = 0;
    Wish wish;
    topic::PartStart start;
    topic::PagePtr page;
    bool asked = false, answered = false;
  };
  Subscribe subscribe;
  std::vector<topic::TopicLog*> logs;  // by topic; nullptr: not joined yet
  std::vector<bool> asked;
  std::vector<Part> parts;  // once every topic is joined

  [[nodiscard]] std::span<topic::TopicLog* const> logs_of(const Part& part) const {
    return std::span(logs).subspan(part.first, part.count);
  }
  [[nodiscard]] topic::SourceIndex source_of(const Part& part) const { return subscribe.topics[part.first].source; }
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
  if (!try_open() && opening_->parts.empty()) services().sources.await_open({connection().id(), id()});
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

// What the client's last event id says about one part, of that name in an id over several (design §5.4).
Wish find_wish(const Subscribe& subscribe, std::string_view name, const config::Limits& limits, topic::TimePoint now) {
  const std::string& last_event_id = subscribe.last_event_id;
  if (last_event_id.empty() && subscribe.since) {
    const auto ago = std::chrono::system_clock::now() - *subscribe.since;
    return {.kind = Wish::Kind::since,
            .since = *subscribe.since,
            .since_arrived = now - std::chrono::duration_cast<topic::TimePoint::duration>(ago)};
  }
  if (last_event_id.empty())
    return {.kind = subscribe.route->start == config::Start::earliest ? Wish::Kind::earliest : Wish::Kind::now};
  if (last_event_id == "earliest") return {.kind = Wish::Kind::earliest};
  auto parts = proto::parse_event_id(last_event_id, {limits.last_event_id, limits.topics_per_stream});
  if (!parts) return {.kind = Wish::Kind::position};  // hostile: not a position of anything
  for (proto::IdPart& part : *parts)
    if (part.name.empty() || part.name == name)
      return {.kind = Wish::Kind::position, .position = std::move(part.position)};
  return {.kind = Wish::Kind::no_position};
}

}  // namespace

bool EventStream::try_open() {
  if (!opening_ || ending_) return true;
  if (!join_topics()) return !opening_ || ending_;
  if (opening_->parts.empty()) split_into_parts();
  if (!find_starts()) return false;
  open();
  return true;
}

bool EventStream::join_topics() {
  Opening& opening = *opening_;
  bool complete = true;
  for (std::size_t index = 0; index != opening.logs.size(); ++index) {
    if (opening.logs[index] != nullptr) continue;
    const TopicRef& ref = opening.subscribe.topics[index];
    topic::Topics& topics = *services().topics[ref.source];
    const auto join = [&] {
      if (!topics.started()) return;  // its engine has not been heard of: nobody knows where now is
      opening.logs[index] =
          topic::is_pattern(ref.name) ? &topics.join_view(ref.name, services().now) : topics.join(ref.name);
    };
    join();
    if (opening.logs[index] == nullptr && !opening.asked[index] && !topic::is_pattern(ref.name)) {
      opening.asked[index] = true;
      services().sources.open(ref.source, ref.name, {connection().id(), id()});
      if (opening_ == nullptr || ending_) return false;  // answered at once
      join();
    }
    complete = complete && opening.logs[index] != nullptr;
  }
  return complete;
}

void EventStream::split_into_parts() {
  Opening& opening = *opening_;
  const std::vector<TopicRef>& refs = opening.subscribe.topics;
  for (std::size_t index = 0; index != refs.size(); ++index) {
    const topic::Topics& topics = *services().topics[refs[index].source];
    const bool own = topics.format().per_topic();
    if (index != 0 && !own && refs[index].source == refs[index - 1].source) {
      ++opening.parts.back().count;
      continue;
    }
    Opening::Part& part = opening.parts.emplace_back();
    part.first = index;
    part.count = 1;
    part.wish = find_wish(opening.subscribe, own ? std::string_view(refs[index].name) : topics.source(),
                          services().config.limits, services().now);
  }
}

bool EventStream::find_starts() {
  Opening& opening = *opening_;
  bool complete = true;
  for (std::size_t index = 0; index != opening.parts.size(); ++index) {
    Opening::Part& part = opening.parts[index];
    const topic::Topics& topics = *services().topics[opening.source_of(part)];
    if (part.page) continue;  // where it begins is decided
    part.start = topic::find_start(topics, opening.logs_of(part), part.wish, part.answered);
    if (part.start.kind == topic::PartStart::Kind::ready || part.answered) continue;
    complete = false;
    if (std::exchange(part.asked, true)) continue;
    topic::ReadRequest request{.topics = {}, .after = part.start.after, .since = {}};
    for (const topic::TopicLog* log : opening.logs_of(part)) request.topics.push_back(log->name());
    if (part.wish.kind == Wish::Kind::since) request.since = part.wish.since;
    services().sources.read(opening.source_of(part), std::move(request), {connection().id(), id()}, index);
  }
  return complete;
}

void EventStream::on_page(std::size_t part, topic::PagePtr page) {
  if (opening_) {
    if (part >= opening_->parts.size()) return;
    opening_->parts[part].answered = true;
    opening_->parts[part].page = std::move(page);
    (void)try_open();
  } else if (merge_) {
    merge_->on_page(part, std::move(page));
    wake();
  }
}

// Every topic is here, and where each begins is known: the first block.
void EventStream::open() {
  Opening& opening = *opening_;
  resumed_ = !opening.subscribe.last_event_id.empty();
  const auto count_gap = [&](topic::GapReason reason) {
    resumed_ = false;
    services().metrics.gaps[metric_of(reason)].add();
  };
  // The position from which a part runs: the client's own until a gap or an event replaces it.
  const auto position_of = [&](const Opening::Part& part) -> std::string {
    if (part.wish.kind == Wish::Kind::position &&
        is_plain_position(part.wish.position, services().config.limits.event_id))
      return part.wish.position;
    return part.page ? part.page->from : part.start.position;
  };
  for (const Opening::Part& part : opening.parts) {
    for (const topic::Start& start : part.start.starts)
      if (start.gap) count_gap(*start.gap);
    if (part.start.gap && part.start.starts.empty())
      count_gap(*part.start.gap);
    else if (part.page &&
             part.page->tells_loss_after(services().topics[opening.source_of(part)]->format(), part.start.after))
      count_gap(*part.page->gap);
  }
  const Opening::Part& first = opening.parts.front();
  if (opening.logs.size() == 1 && first.start.kind == topic::PartStart::Kind::ready) {
    open_single(first.start.starts.front(), *services().topics[opening.source_of(first)], *opening.logs.front(),
                position_of(first));
  } else {
    merge_ = std::make_unique<topic::Merge>(static_cast<topic::Subscriber&>(*this));
    for (std::size_t index = 0; index != opening.parts.size(); ++index) {
      Opening::Part& part = opening.parts[index];
      topic::Topics& topics = *services().topics[opening.source_of(part)];
      merge_->add(topics, opening.logs_of(part), part.start, position_of(part), part.page);
      // Asked and answered with nothing: the rings are all that there is.
      if (part.start.kind == topic::PartStart::Kind::replay && !part.page) merge_->on_page(index, nullptr);
    }
    append_open_block(own_text(), merge_->id(), resumed_, merge_->topic_names());
  }
  opening_.reset();
  wake();
}

void EventStream::open_single(const topic::Start& start, topic::Topics& topics, topic::TopicLog& log,
                              const std::string& position) {
  topics_ = &topics;
  cursor_.join(log, start.next, start.after, *this);
  std::string& text = own_text();
  append_open_block(text, position, resumed_, {log.name()});
  if (start.gap) {
    const std::string to = topics.format().text_of(start.after).value_or(log.evicted_position());
    topic::append_gap(text, {.topic = log.name(), .from = position, .to = to, .count = {}, .reason = *start.gap}, to);
  }
}

// --- The past ------------------------------------------------------------------------------------------------------

void EventStream::remember_place() {
  if (topics_ == nullptr || !topics_->replays() || fell_at_) return;
  fell_at_ = std::make_unique<std::string>(cursor_.log()->position_before(cursor_.next()));
}

void EventStream::fall_behind() {
  topic::TopicLog* log = cursor_.log();
  cursor_.leave();
  merge_ = std::make_unique<topic::Merge>(static_cast<topic::Subscriber&>(*this));
  merge_->add(*topics_, {&log, 1}, {.kind = topic::PartStart::Kind::replay, .after = *fell_at_}, *fell_at_);
  fell_at_.reset();
  topics_ = nullptr;
}

void EventStream::ask_for_pages() {
  while (auto want = merge_->take_want()) {
    for (std::size_t index = 0; index != services().topics.size(); ++index)
      if (services().topics[index].get() == want->topics)
        services().sources.read(static_cast<topic::SourceIndex>(index), std::move(want->request),
                                {connection().id(), id()}, want->part);
  }
}

void EventStream::take_cursor_back() {
  const topic::Cursor& caught_up = merge_->single();
  topic::TopicLog& log = *caught_up.log();
  const topic::Offset next = caught_up.next();
  const topic::Sequence sequence = caught_up.sequence();
  topics_ = &merge_->single_topics();
  merge_->release_single();
  merge_.reset();
  cursor_.join(log, next, sequence, *this);
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
  const std::string from = topics_->format().text_of(cursor_.sequence()).value_or("");
  const std::string to = topics_->format().text_of(log.evicted_through()).value_or(log.evicted_position());
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
  if (cursor_.log() != nullptr && cursor_.has_gap()) remember_place();
  if (fell_at_ && !ending_ && cursor_.at_boundary()) fall_behind();
  if (merge_ && !own_text_ && merge_->is_single()) take_cursor_back();
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
    const bool more = merge_->pending() || total != 0;
    ask_for_pages();
    return ending(rendered.size(), more);
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
