#include "gateway/source/nats_pages.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "gateway/source/page_entry.h"
#include "gateway/topic/topics.h"

namespace sluice::source {

using topic::GapReason;

NatsStream::From NatsPages::begin(const topic::ReadRequest& request, const StreamState& state,
                                  topic::Page& page) const {
  if (request.since) {
    const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(request.since->time_since_epoch());
    return {.after = 0, .since_nanoseconds = std::max<std::int64_t>(time.count(), 1)};
  }
  if (request.after.empty()) return {.after = state.before_oldest};
  const auto asked = StreamPosition::parse(request.after);
  if (asked && asked->incarnation == state.incarnation && asked->sequence >= state.before_oldest &&
      asked->sequence <= state.last)
    return {.after = asked->sequence};
  if (!asked)
    page.gap = GapReason::unknown_position;
  else if (asked->incarnation != state.incarnation)
    page.gap = GapReason::unknown_epoch;
  else  // an end of the stream that is no more, or its beginning
    page.gap = asked->sequence > state.last ? GapReason::recreated : GapReason::trimmed;
  return {.after = state.before_oldest};
}

void NatsPages::add(topic::Page& page, const topic::ReadRequest& request, const StreamMessage& message,
                    Answer& answer) const {
  const NatsArrival arrival = mapping_.arrival(message.message.get());
  if (arrival.flaw != nullptr) answer.flaws.push_back(arrival.flaw);
  const bool wanted = !arrival.topic.empty() && std::ranges::any_of(request.topics, [&](const std::string& pattern) {
    return topic::matches(pattern, arrival.topic);
  });
  if (!wanted) return;
  const std::string position = StreamPosition{*format_.current(), message.delivery.sequence}.text();
  page.entries.push_back(
      page_entry(mapping_.config(), arrival.topic, arrival.event, position, message.delivery.sequence));
}

NatsPages::Answer NatsPages::read(NatsStream& stream, const topic::ReadRequest& request,
                                  const topic::ReadLimits& limits) const {
  Answer answer;
  const auto state = stream.state();
  if (!state) return {nullptr, state.error().why, {}};
  if (state->incarnation != format_.current()) return {nullptr, "the stream has been made anew", {}};
  const auto text = [&](std::uint64_t sequence) { return StreamPosition{state->incarnation, sequence}.text(); };
  const auto page = std::make_shared<topic::Page>();
  page->after = request.after;
  NatsStream::From from = begin(request, *state, *page);

  NatsStream::Batch batch;
  batch.at_end = !from.since_nanoseconds && from.after >= state->last;
  if (!batch.at_end) {
    // With `map.topic` only the messages themselves say of which topic they are.
    const SubjectMap& subjects = mapping_.subjects();
    const std::string filter = mapping_.maps_topics() ? subjects.filter() : subjects.filter_for(request.topics);
    auto read = stream.read(filter, from, limits.entries, limits.bytes);
    if (!read) return {nullptr, read.error().why, {}};
    batch = std::move(*read);
  }
  std::vector<StreamMessage>& messages = batch.messages;
  if (from.since_nanoseconds) from.after = messages.empty() ? state->last : messages.front().delivery.sequence - 1;

  // Where sequences are missing, they are of other subjects, or were deleted, or retention came before us.
  std::uint64_t before = from.after;
  const auto skip = std::ranges::find_if(messages, [&before](const StreamMessage& message) {
    return std::exchange(before, message.delivery.sequence) + 1 != message.delivery.sequence;
  });
  if (skip != messages.end()) {
    const auto now = stream.state();
    if (!now) return {nullptr, now.error().why, {}};
    before = skip == messages.begin() ? from.after : std::prev(skip)->delivery.sequence;
    if (now->before_oldest > before && skip == messages.begin()) {
      from.after = std::min(now->before_oldest, skip->delivery.sequence - 1);
      if (!request.after.empty() && !page->gap) page->gap = GapReason::trimmed;
    } else if (now->before_oldest > before) {
      messages.erase(skip, messages.end());  // the next page tells of the loss
      batch.at_end = false;
    }
  }
  for (const StreamMessage& message : messages) add(*page, request, message, answer);
  std::uint64_t through = messages.empty() ? from.after : messages.back().delivery.sequence;
  if (batch.at_end) through = std::max(through, state->last);
  page->from = text(from.after);
  page->through = text(through);
  page->at_end = batch.at_end;
  answer.page = page;
  return answer;
}

}  // namespace sluice::source
