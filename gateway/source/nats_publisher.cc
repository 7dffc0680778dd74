#include "gateway/source/nats_publisher.h"

#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "gateway/source/mapping.h"
#include "gateway/source/nats_connection.h"

namespace sluice::source {

namespace {

using Result = topic::PublishResult;
using Kind = Result::Kind;

// JetStream answers in microseconds; a server that takes so long hangs.
constexpr std::chrono::milliseconds answer_max{4'000};

Result unavailable(std::string why) { return {.kind = Kind::unavailable, .detail = std::move(why)}; }

// Its own errors, by number (nats/status.h): nothing was written.
Kind kind_of(std::uint64_t code, std::string_view text) {
  switch (code) {
    case JSInsufficientResourcesErr:
    case JSStorageResourcesExceededErr:
    case JSMemoryResourcesExceededErr:
    case JSAccountResourcesExceededErr:
      return Kind::storage_full;
    case JSStreamStoreFailedErr:  // "maximum messages exceeded", "maximum bytes exceeded", or its disk
      return text.find("maximum message size") == std::string_view::npos ? Kind::storage_full : Kind::refused;
    case JSClusterNotAvailErr:
    case JSClusterNotLeaderErr:
      return Kind::unavailable;
    default:
      return Kind::refused;
  }
}

}  // namespace

Result NatsPublisher::result_of(std::string_view answer, Incarnation incarnation, const std::string& subject) {
  if (const auto text = by_pointer(answer, "/error/description")) {
    const auto code = topic::parse_number(by_pointer(answer, "/error/err_code").value_or("")).value_or(0);
    return {.kind = kind_of(code, *text), .detail = fmt::format("jetstream refuses it: {}", *text)};
  }
  const auto sequence = topic::parse_number(by_pointer(answer, "/seq").value_or(""));
  if (!sequence)
    return unavailable(
        fmt::format("whoever answers to `{}` is not JetStream: nobody knows whether it is written", subject));
  return {.kind = Kind::appended,
          .positions = {StreamPosition{incarnation, *sequence}.text()},
          .repeated = by_pointer(answer, "/duplicate") == "true" ? 1U : 0U};
}

natsStatus NatsPublisher::listen(const NatsConnection& connection) {
  if (!connection) return NATS_CONNECTION_DISCONNECTED;
  if (connection_ == connection && answers_) return NATS_OK;
  forget();
  natsInbox* made = nullptr;
  if (const natsStatus status = natsInbox_Create(&made); status != NATS_OK) return status;
  const NatsInboxHandle inbox(made);
  inbox_ = std::string(made) + ".";
  natsSubscription* subscription = nullptr;
  const natsStatus status = natsConnection_SubscribeSync(&subscription, connection.get(), (inbox_ + "*").c_str());
  answers_.reset(subscription);
  connection_ = connection;
  return status;
}

void NatsPublisher::forget() {
  answers_.reset();
  connection_.reset();
}

std::string NatsPublisher::send(std::size_t number, const Publication& publication) {
  std::string why;
  const NatsMessage message =
      mapping_.publication(publication.subject, inbox_ + std::to_string(number), publication.event, why);
  if (message == nullptr) return why;
  const natsStatus status = natsConnection_PublishMsg(connection_.get(), message.get());
  if (status == NATS_MAX_PAYLOAD) return "it is larger than the server takes (max_payload)";
  return status == NATS_OK ? "" : nats_failure(status);
}

std::vector<NatsPublisher::Answered> NatsPublisher::publish(const NatsConnection& connection,
                                                            std::vector<Publication>&& publications) {
  std::vector<Answered> answered;
  const natsStatus status = listen(connection);
  std::size_t open = 0;
  for (const Publication& publication : publications) {
    Result result = unavailable("no connection to nats: nothing was written");
    if (status == NATS_OK) {
      std::string why = send(numbers_ + answered.size(), publication);
      if (why.empty()) {
        ++open;
        result = unavailable("nats does not answer: nobody knows whether it is written");
      } else {
        result = {.kind = natsConnection_IsClosed(connection.get()) ? Kind::unavailable : Kind::refused,
                  .detail = std::move(why)};
      }
    }
    answered.emplace_back(publication.done, std::move(result));
  }
  collect(answered, publications, open);
  numbers_ += answered.size();
  return answered;
}

void NatsPublisher::collect(std::vector<Answered>& answered, const std::vector<Publication>& publications,
                            std::size_t open) {
  const Incarnation incarnation = format_.current().value_or(0);
  const auto deadline = std::chrono::steady_clock::now() + answer_max;
  while (open != 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    natsMsg* made = nullptr;
    if (left.count() <= 0 || natsSubscription_NextMsg(&made, answers_.get(), left.count()) != NATS_OK) return;
    const NatsMessage message(made);
    const std::string_view subject = natsMsg_GetSubject(made);
    const auto number = topic::parse_number(subject.substr(std::min(subject.size(), inbox_.size())));
    if (!number || *number < numbers_ || *number - numbers_ >= answered.size()) continue;  // came too late
    const std::size_t index = *number - numbers_;
    --open;
    const std::string& to = publications[index].subject;
    if (natsMsg_IsNoResponders(made))
      answered[index].second = unavailable(fmt::format("no stream takes subject `{}`: nothing was written", to));
    else
      answered[index].second =
          result_of({natsMsg_GetData(made), static_cast<std::size_t>(natsMsg_GetDataLength(made))}, incarnation, to);
  }
}

}  // namespace sluice::source
