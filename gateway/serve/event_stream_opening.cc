#include "gateway/serve/event_stream_opening.h"

#include <algorithm>
#include <span>
#include <utility>

#include "gateway/serve/connection.h"
#include "proto/json.h"
#include "proto/sse.h"

// The first half of an event stream's life: its head, the topics that it asks for, where it begins in each, and the
// first block. The rest: event_stream.cc.
namespace sluice::serve {

namespace sse = proto::sse;
using topic::Wish;

namespace {

// Whether the client's id may go back to it in a header.
bool is_header_text(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Whether a position may be repeated in an `id:` as it is: plain text that crosses origins without a preflight.
bool is_plain_position(std::string_view text, std::size_t size_max) {
  return !text.empty() && text.size() <= size_max && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == ',' || c == '_' || c == '~' || c == '!';
  });
}

}  // namespace

void EventStream::start() {
  proto::ResponseHead head;
  head.fields = {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
  const Subscribe& subscribe = opening()->subscribe;
  if (is_header_text(subscribe.last_event_id)) head.fields.push_back({"last-event-id", subscribe.last_event_id});
  head.fields.insert(head.fields.end(), subscribe.fields.begin(), subscribe.fields.end());
  connection().respond(*this, head, false);
  if (subscribe.busy) return end_busy(*subscribe.busy);
  if (!try_open() && opening()->parts.empty()) services().sources.await_open({connection().id(), id()});
}

void EventStream::on_open_result(topic::OpenResult result) {
  if (opening() == nullptr || ending_ || result == topic::OpenResult::opened) return;
  if (result == topic::OpenResult::too_many_topics) {
    services().metrics.limit_hits[observe::Limit::topics].add();
    return end_with("sluice.busy", R"({"reason":"limits.topics"})", EndReason::busy);
  }
  end_with("sluice.error", R"({"error":"unknown_topic"})", EndReason::complete);
}

namespace {

// What the client's last event id says about one part, of that name in an id over several.
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
  if (opening() == nullptr || ending_) return true;
  if (!join_topics()) return opening() == nullptr || ending_;
  if (opening()->parts.empty()) split_into_parts();
  if (!find_starts()) return false;
  open();
  return true;
}

bool EventStream::join_topics() {
  Opening& opening = *this->opening();
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
      if (this->opening() == nullptr || ending_) return false;  // answered at once
      join();
    }
    complete = complete && opening.logs[index] != nullptr;
  }
  return complete;
}

void EventStream::split_into_parts() {
  Opening& opening = *this->opening();
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
    // Who has no place in it begins with its values; who has one goes on there.
    part.snapshot =
        topics.snapshots() && (part.wish.kind == Wish::Kind::now || part.wish.kind == Wish::Kind::no_position);
    if (part.snapshot) part.wish = {.kind = Wish::Kind::now};
  }
}

namespace {

// A loss that the rings did not know of.
template <class Part>
std::optional<topic::GapReason> loss_in_engine(const Part& part, const topic::Topics& topics) {
  if (part.page && part.page->tells_loss_after(topics.format(), part.start.after)) return part.page->gap;
  if (part.answered && !part.page && part.start.kind == topic::PartStart::Kind::replay)
    return topic::GapReason::trimmed;
  return std::nullopt;
}

}  // namespace

bool EventStream::find_values(std::size_t index) {
  Opening::Part& part = opening()->parts[index];
  topic::Topics& topics = *services().topics[opening()->source_of(part)];
  for (std::size_t of_part = 0; of_part != part.count; ++of_part) {
    topic::TopicLog& log = *opening()->logs[part.first + of_part];
    topics.keep_newest(log);
    const std::string* wanted = log.newest()->wanted_page();
    if (wanted == nullptr) continue;
    if (std::exchange(part.asked, true)) return false;
    part.loading = part.first + of_part;
    part.loading_beginning = log.beginning();
    services().sources.read(opening()->source_of(part), {.topics = {log.name()}, .after = *wanted},
                            {connection().id(), id()}, index);
    return false;
  }
  return true;
}

// What its client knew of the values is not to be mended by what is left of the history.
bool EventStream::begin_with_values(std::size_t index, std::optional<topic::GapReason> lost) {
  Opening::Part& part = opening()->parts[index];
  if (!lost || part.wish.kind != Wish::Kind::position) return false;
  part.lost = lost;
  part.snapshot = true;
  part.asked = part.asked && !part.answered;
  part.answered = false;
  part.page = {};
  return true;
}

bool EventStream::find_starts() {
  Opening& opening = *this->opening();
  bool complete = true;
  for (std::size_t index = 0; index != opening.parts.size(); ++index) {
    Opening::Part& part = opening.parts[index];
    const topic::Topics& topics = *services().topics[opening.source_of(part)];
    if (!part.snapshot && topics.snapshots()) (void)begin_with_values(index, loss_in_engine(part, topics));
    if (part.page) continue;  // where it begins is decided
    if (part.snapshot && !find_values(index)) {
      complete = false;
      continue;
    }
    part.start = topic::find_start(topics, opening.logs_of(part), part.snapshot ? Wish{} : part.wish, part.answered);
    if (!part.snapshot && topics.snapshots() && begin_with_values(index, part.start.loss())) {
      --index;
      continue;
    }
    for (topic::Start& start : part.start.starts)
      if (part.lost) start.gap = part.lost;
    if (part.start.kind == topic::PartStart::Kind::ready || part.answered) continue;
    complete = false;
    if (std::exchange(part.asked, true)) continue;
    topic::ReadRequest request{.after = part.start.after};
    for (const topic::TopicLog* log : opening.logs_of(part)) request.topics.push_back(log->name());
    if (part.wish.kind == Wish::Kind::since) request.since = part.wish.since;
    services().sources.read(opening.source_of(part), std::move(request), {connection().id(), id()}, index);
  }
  return complete;
}

void EventStream::on_page(std::size_t part, topic::PagePtr page) {
  if (Opening* to_open = opening()) {
    if (part >= to_open->parts.size()) return;
    Opening::Part& asking = to_open->parts[part];
    if (asking.snapshot) {
      asking.asked = false;
      if (const auto loading = std::exchange(asking.loading, std::nullopt)) {
        const topic::TopicLog& log = *to_open->logs[*loading];
        if (log.beginning() == asking.loading_beginning)
          log.newest()->on_page(services().topics[to_open->source_of(asking)]->format(), page);
      }
    } else {
      asking.answered = true;
      asking.page = std::move(page);
    }
    (void)try_open();
  } else if (merge_) {
    merge_->on_page(part, std::move(page));
    wake();
  }
}

// Every topic is here, and where each begins is known: the first block.
void EventStream::open() {
  Opening& opening = *this->opening();
  resumed_ = !opening.subscribe.last_event_id.empty();
  const auto count_gap = [&](topic::GapReason reason) {
    resumed_ = false;
    services().metrics.gaps[metric_of(reason)].add();
  };
  // The position from which a part runs: the client's own until a gap or an event replaces it.
  const auto position_of = [&](const Opening::Part& part) -> std::string {
    const std::string& asked = part.wish.position;
    const config::Limits& limits = services().config.limits;
    const auto& format = services().topics[opening.source_of(part)]->format();
    if (part.snapshot && !part.lost) return {};  // a cut before the snapshot is whole begins anew
    const bool known = format.classify(asked) == topic::PositionFormat::Kind::known;
    if (part.wish.kind == Wish::Kind::position &&
        is_plain_position(asked, known ? limits.last_event_id : limits.event_id))
      return asked;
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
  prepare_logs();
  const Opening::Part& first = opening.parts.front();
  if (opening.logs.size() == 1 && !first.snapshot && first.start.kind == topic::PartStart::Kind::ready &&
      first.start.resumed.empty()) {
    open_single(first.start.starts.front(), opening.source_of(first), *opening.logs.front(), position_of(first));
  } else {
    open_merge();
    for (std::size_t index = 0; index != opening.parts.size(); ++index) {
      Opening::Part& part = opening.parts[index];
      topic::Topics& topics = *services().topics[opening.source_of(part)];
      merge_->add(topics, opening.logs_of(part), part.start, position_of(part), part.page);
      // Asked and answered with nothing: the rings are all that there is.
      if (part.start.kind == topic::PartStart::Kind::replay && !part.page) merge_->on_page(index, nullptr);
      if (!part.snapshot) continue;
      for (const topic::TopicLog* log : opening.logs_of(part)) merge_->begin_with(*log, topics.snapshot(*log));
    }
    append_open_block(own_text(), merge_->id(), resumed_, merge_->topic_names());
  }
  aside().opening.reset();
  wake();
}

// What its route says of the topics that it has joined.
void EventStream::prepare_logs() {
  const config::Route& route = *opening()->subscribe.route;
  for (std::size_t index = 0; index != opening()->logs.size(); ++index) {
    topic::TopicLog& log = *opening()->logs[index];
    if (conflates_) services().topics[opening()->subscribe.topics[index].source]->keep_newest(log);
    log.limit_wakes(route.flush_interval);
  }
}

void EventStream::open_single(const topic::Start& start, topic::SourceIndex source, topic::TopicLog& log,
                              const std::string& position) {
  source_ = source;
  cursor_.join(log, start.next, start.after, *this);
  if (resumed_) services().arrivals.replay_bytes += log.bytes_from(start.next);
  std::string& text = own_text();
  append_open_block(text, position, resumed_, {log.name()});
  if (start.gap) {
    const std::string to = topics().format().text_of(start.after).value_or(log.evicted_position());
    topic::append_gap(text, {.topic = log.name(), .from = position, .to = to, .reason = *start.gap}, to);
  }
}

void EventStream::append_open_block(std::string& text, std::string_view id, bool resumed,
                                    const std::vector<std::string_view>& names) {
  const auto retry = services().retry.draw(services().random);
  retry_edition_ = services().retry.edition();
  sse::append_retry(text, retry);
  if (!id.empty()) sse::append_id(text, id);
  if (opening()->subscribe.route->open == config::Open::id) {
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

}  // namespace sluice::serve
