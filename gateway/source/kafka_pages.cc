#include "gateway/source/kafka_pages.h"

#include <algorithm>
#include <utility>

#include "gateway/source/page_entry.h"
#include "gateway/topic/topics.h"

namespace sluice::source {

namespace {

constexpr std::chrono::milliseconds poll_time{100};
constexpr std::chrono::seconds silence_max{10};  // then the walk begins again where it is
// Of messages that no topic of the request has, a page may pass over so many for each entry that it may hold.
constexpr std::size_t rows_per_entry = 10;

bool wanted(const topic::ReadRequest& request, const std::string& name) {
  return std::ranges::any_of(request.topics, [&](const std::string& pattern) { return topic::matches(pattern, name); });
}

}  // namespace

KafkaPages::KafkaPages(const config::Source& config, const KafkaMapping& mapping,
                       std::function<void(std::function<void()>)> post, std::uint64_t seed)
    : config_(config), mapping_(mapping), backoff_(seed), thread_(std::move(post), [this] { close_client(); }) {}

void KafkaPages::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  thread_.ask([this, request, limits, done = std::move(done)]() mutable { serve(request, limits, std::move(done)); });
}

void KafkaPages::close_client() {
  open_.clear();
  queue_.reset();
  client_.reset();
}

void KafkaPages::serve(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone&& done) {
  const auto page = std::make_shared<topic::Page>();
  page->after = request.after;
  while (true) {
    const bool goes_on = !open_.empty() && !request.since && request.after == at_.to_string();
    if (goes_on) page->from = request.after;
    if ((goes_on || begin(request, *page)) && collect(request, limits, *page)) {
      // How far the partitions reach was asked when this walk began, which may be long ago.
      if (goes_on && page->entries.empty()) page->at_end = false;
      break;
    }
    if (!thread_.sleep(backoff_.next())) return;
  }
  backoff_.reset();
  doubted_ = false;
  thread_.answer([done = std::move(done), page] { done(page); });
}

bool KafkaPages::begin(const topic::ReadRequest& request, topic::Page& page) {
  open_.clear();
  if (!client_) {
    try {
      client_ = make_kafka_client(config_, KafkaRole::reader);
    } catch (const std::runtime_error&) {
      return false;  // the follower was made of the same keys, and says what is wrong
    }
    queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  }
  KafkaRanges answer = ask_kafka_ranges(client_.get(), config_.topic);
  if (!answer.why.empty()) return false;
  ranges_ = std::move(answer.partitions);
  KafkaBegin found = find_kafka_begin(request.after, ranges_);
  if (request.since) {
    const auto offsets = ask_kafka_offsets(client_.get(), config_.topic, ranges_, *request.since);
    if (offsets.empty()) return false;
    for (std::size_t index = 0; index != offsets.size(); ++index)
      found.from.set(static_cast<KafkaPartition>(index), offsets[index] - 1);
  }
  // Believed when it is found twice: a leader that has just been replaced may have answered.
  if (found.gap == topic::GapReason::recreated && !std::exchange(doubted_, true)) return false;
  page.gap = found.gap;
  page.from = found.from.to_string();
  at_ = std::move(found.from);
  std::vector<KafkaPosition::Place> places;
  for (const auto& place : at_.places())
    if (place.last + 1 < ranges_[static_cast<std::size_t>(place.partition)].high) places.push_back(place);
  if (!assign_kafka(client_.get(), config_.topic, places).empty()) return false;
  for (const auto& place : places) open_.insert(place.partition);
  return true;
}

bool KafkaPages::collect(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::Page& page) {
  using Clock = std::chrono::steady_clock;
  bytes_ = rows_ = 0;
  auto heard = Clock::now();
  bool intact = true;
  while (!open_.empty() && page.entries.size() < limits.entries && bytes_ < limits.bytes &&
         rows_ < limits.entries * rows_per_entry) {
    const KafkaEventHandle event(rd_kafka_queue_poll(queue_.get(), static_cast<int>(poll_time.count())));
    if (thread_.stopped()) return true;
    const std::size_t rows = rows_, parts = open_.size();
    intact = !event || take(event.get(), request, page);
    if (rows_ != rows || open_.size() != parts) heard = Clock::now();
    if (!intact || Clock::now() - heard > silence_max) {
      intact = false;
      open_.clear();
      if (rows_ == 0) return false;
      break;
    }
  }
  page.through = at_.to_string();
  page.at_end = intact && open_.empty();
  // Or librdkafka would read on behind the end, for nobody.
  if (open_.empty()) (void)assign_kafka(client_.get(), config_.topic, {});
  return true;
}

bool KafkaPages::take(rd_kafka_event_t* event, const topic::ReadRequest& request, topic::Page& page) {
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_FETCH) {
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event))
      take(*const_cast<rd_kafka_message_t*>(message), request, page);  // the event's, which is ours
    return true;
  }
  if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR) return true;
  const auto error = rd_kafka_event_error(event);
  if (error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) return false;
  if (error != RD_KAFKA_RESP_ERR__PARTITION_EOF) return true;  // librdkafka tries again by itself
  const KafkaPartitionHandle end(rd_kafka_event_topic_partition(event));
  if (!end || open_.erase(end->partition) == 0) return true;
  // What is between the last message and the end are holes: of transactions, of compaction.
  at_.set(end->partition, std::max(at_.find(end->partition).value_or(-1), end->offset - 1));
  return true;
}

void KafkaPages::take(rd_kafka_message_t& message, const topic::ReadRequest& request, topic::Page& page) {
  if (!open_.contains(message.partition) || message.offset <= at_.find(message.partition).value_or(-1)) return;
  const KafkaOffset high = ranges_[static_cast<std::size_t>(message.partition)].high;
  if (message.offset + 1 >= high) open_.erase(message.partition);
  if (message.offset >= high) {  // the last offsets before `high` are holes
    at_.set(message.partition, high - 1);
    return;
  }
  ++rows_;
  at_.set(message.partition, message.offset);
  at_.set_own(message.partition);
  const KafkaArrival arrival = mapping_.arrival(message);
  if (arrival.topic.empty() || !wanted(request, arrival.topic)) return;
  const std::string position = at_.to_string();
  topic::EntryPtr entry = page_entry(config_, arrival.topic, arrival.event, position);
  bytes_ += entry->footprint();
  page.entries.push_back(std::move(entry));
}

}  // namespace sluice::source
