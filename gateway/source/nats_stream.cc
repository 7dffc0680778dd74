#include "gateway/source/nats_stream.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "gateway/source/nats_connection.h"

namespace sluice::source {

namespace {

constexpr auto no_code = static_cast<jsErrCode>(0);
constexpr std::int64_t answer_milliseconds = 4'000, end_milliseconds = 500;
constexpr std::int64_t second = 1'000'000'000;
// The server forgets a consumer that nobody reads after this long: a reader that comes back later makes another.
constexpr std::int64_t unread_nanoseconds = 10 * second;

jsConsumerConfig new_consumer(const std::string& filter) {
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.AckPolicy = js_AckNone;
  config.MemoryStorage = true;
  config.Replicas = 1;
  config.InactiveThreshold = unread_nanoseconds;
  if (!filter.empty()) config.FilterSubject = filter.c_str();
  return config;
}

// libnats 3.4 writes a fraction without its leading zeros, so that .05 becomes .5: such a time begins with its second,
// and read() drops what is older.
std::int64_t start_time(std::int64_t since_nanoseconds) {
  const std::int64_t fraction = since_nanoseconds % second;
  return std::max(fraction < second / 10 ? since_nanoseconds - fraction : since_nanoseconds, second);
}

std::string new_inbox() {
  natsInbox* made = nullptr;
  if (natsInbox_Create(&made) != NATS_OK) return {};
  const NatsInboxHandle inbox(made);
  return made;
}

}  // namespace

NatsStream::NatsStream(NatsConnection connection, std::string name, std::string server)
    : connection_(std::move(connection)), name_(std::move(name)), server_(std::move(server)) {
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = answer_milliseconds;
  jsCtx* made = nullptr;
  if (natsConnection_JetStream(&made, connection_.get(), &options) == NATS_OK) context_.reset(made);
}

NatsFailure NatsStream::explain(natsStatus status, jsErrCode code) const {
  switch (static_cast<int>(code)) {
    case JSStreamNotFoundErr:
      return {fmt::format("nats at {} has no stream `{}`: create it (nats stream add {}), or mend `stream`", server_,
                          name_, name_)};
    case JSNotEnabledErr:
    case JSNotEnabledForAccountErr:
      return {
          fmt::format("nats at {} has no JetStream here: enable it (nats-server -js), or read core NATS by `subject` "
                      "without `stream`",
                      server_)};
    case JSConsumerFilterNotSubsetErr:
      return {
          fmt::format("stream `{}` has none of the source's `subject`: it must be one of the stream's subjects, or "
                      "below one",
                      name_)};
    default:
      break;
  }
  if (status == NATS_TIMEOUT) return {fmt::format("nats at {} does not answer within 4 s", server_)};
  if (status == NATS_NO_RESPONDERS)
    return {fmt::format("nats at {} has no JetStream, or it is not ready: enable it (nats-server -js)", server_)};
  return {fmt::format("nats at {}, stream `{}`: {}", server_, name_, nats_failure(status))};
}

NatsResult<StreamState> NatsStream::state() {
  jsStreamInfo* made = nullptr;
  jsErrCode code = no_code;
  const natsStatus status = js_GetStreamInfo(&made, context_.get(), name_.c_str(), nullptr, &code);
  const JetStreamInfo info(made);
  if (status != NATS_OK) return explain(status, code);
  // An emptied stream's first sequence is the next one; a new one's is 0.
  const std::uint64_t first = made->State.FirstSeq;
  return StreamState{.incarnation = incarnation_of(made->Created),
                     .before_oldest = first == 0 ? made->State.LastSeq : first - 1,
                     .last = made->State.LastSeq};
}

NatsResult<NatsStream::Consumer> NatsStream::add_consumer(jsConsumerConfig& config, const std::string& filter) {
  jsConsumerInfo* made = nullptr;
  jsErrCode code = no_code;
  const natsStatus status = js_AddConsumer(&made, context_.get(), name_.c_str(), &config, nullptr, &code);
  const JetStreamConsumerInfo info(made);
  if (status != NATS_OK) return explain(status, code);
  return Consumer{.name = made->Name, .filter = filter, .at = 0};
}

NatsResult<NatsSubscription> NatsStream::follow(const std::string& filter, std::uint64_t after) {
  const std::string inbox = new_inbox();
  natsSubscription* made = nullptr;
  natsStatus status = natsConnection_SubscribeSync(&made, connection_.get(), inbox.c_str());
  NatsSubscription subscription(made);
  // Flow control bounds what waits here (32 MiB of nats-server 2.9): a limit of libnats would drop messages.
  if (status == NATS_OK) status = natsSubscription_SetPendingLimits(made, -1, -1);
  if (status != NATS_OK) return explain(status, no_code);
  jsConsumerConfig config = new_consumer(filter);
  config.DeliverSubject = inbox.c_str();
  config.FlowControl = true;
  config.Heartbeat = second;
  config.DeliverPolicy = js_DeliverByStartSequence;
  config.OptStartSeq = after + 1;
  const auto consumer = add_consumer(config, filter);
  if (!consumer) return consumer.error();
  return subscription;
}

natsStatus NatsStream::listen() {
  if (answers_) return NATS_OK;
  inbox_ = new_inbox();
  natsSubscription* made = nullptr;
  const natsStatus status = natsConnection_SubscribeSync(&made, connection_.get(), inbox_.c_str());
  answers_.reset(made);
  return status;
}

std::optional<NatsFailure> NatsStream::begin_read(const std::string& filter, const From& from) {
  jsConsumerConfig config = new_consumer(filter);
  config.DeliverPolicy = from.since_nanoseconds ? js_DeliverByStartTime : js_DeliverByStartSequence;
  if (from.since_nanoseconds)
    config.OptStartTime = start_time(*from.since_nanoseconds);
  else
    config.OptStartSeq = from.after + 1;
  auto consumer = add_consumer(config, filter);
  if (!consumer) return consumer.error();
  reading_ = std::move(*consumer);
  return std::nullopt;
}

NatsResult<NatsStream::Batch> NatsStream::read(const std::string& filter, const From& from, std::size_t entries,
                                               std::size_t bytes) {
  const bool goes_on = reading_ && reading_->filter == filter && reading_->at == from.after && !from.since_nanoseconds;
  Batch batch;
  std::optional<NatsFailure> failed;
  if (goes_on) failed = pull_page(entries, bytes, batch);
  // The server has forgotten the kept consumer, or there is none that stands there.
  if (!goes_on || (failed && batch.messages.empty())) {
    failed = begin_read(filter, from);
    if (!failed) failed = pull_page(entries, bytes, batch);
  }
  std::uint64_t last = batch.messages.empty() ? 0 : batch.messages.back().delivery.sequence;
  while (from.since_nanoseconds && !failed) {
    std::erase_if(batch.messages, [since = static_cast<std::uint64_t>(*from.since_nanoseconds)](const auto& message) {
      return message.delivery.nanoseconds < since;
    });
    if (!batch.messages.empty() || batch.at_end) break;
    failed = pull_page(entries, bytes, batch);
    if (!batch.messages.empty()) last = batch.messages.back().delivery.sequence;
  }
  if (failed || batch.at_end)
    reading_.reset();
  else
    reading_->at = last;
  if (failed) return *failed;
  return batch;
}

std::optional<NatsFailure> NatsStream::pull_page(std::size_t entries, std::size_t bytes, Batch& batch) {
  auto failed = pull(entries, bytes, batch);
  // A message that is larger than a page is one of its own.
  if (!failed && batch.messages.empty() && !batch.at_end) failed = pull(1, 0, batch);
  return failed;
}

std::optional<NatsFailure> NatsStream::pull(std::size_t count, std::size_t bytes, Batch& batch) {
  if (const natsStatus status = listen(); status != NATS_OK) return explain(status, no_code);
  const std::string call = "$JS.API.CONSUMER.MSG.NEXT." + name_ + "." + reading_->name;
  const std::string ask = bytes == 0 ? fmt::format(R"({{"batch":{},"no_wait":true}})", count)
                                     : fmt::format(R"({{"batch":{},"max_bytes":{},"no_wait":true}})", count, bytes);
  natsStatus status = natsConnection_PublishRequest(connection_.get(), call.c_str(), inbox_.c_str(), ask.data(),
                                                    static_cast<int>(ask.size()));
  while (status == NATS_OK && batch.messages.size() != count) {
    // After the last message comes a status: what is not awaited here would be taken for the next answer.
    natsMsg* made = nullptr;
    status = natsSubscription_NextMsg(&made, answers_.get(), batch.at_end ? end_milliseconds : answer_milliseconds);
    NatsMessage message(made);
    if (status != NATS_OK) break;
    const char* reply = natsMsg_GetReply(made);
    if (const auto delivery = parse_delivery(reply == nullptr ? "" : reply)) {
      batch.messages.push_back({std::move(message), *delivery});
      batch.at_end = delivery->pending == 0;
      continue;
    }
    // 404: nothing there; 408: no more there; 409: `max_bytes` is reached, or the consumer is gone.
    const std::string_view code = nats_header(made, "Status"), text = nats_header(made, "Description");
    if (code == "404" || code == "408") batch.at_end = true;
    if (code == "404" || code == "408" || text.find("MaxBytes") != std::string_view::npos) return std::nullopt;
    return NatsFailure{fmt::format("nats at {}, stream `{}`: {} {}", server_, name_, code, text)};
  }
  if (status == NATS_OK) return std::nullopt;
  answers_.reset();
  if (batch.at_end && status == NATS_TIMEOUT) return std::nullopt;
  return explain(status, no_code);
}

}  // namespace sluice::source
