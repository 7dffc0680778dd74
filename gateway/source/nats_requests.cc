#include "gateway/source/nats_requests.h"

#include <utility>

namespace sluice::source {

namespace {

// A read that failed although the connection stands (the stream is being made anew, the server is busy) waits so long.
constexpr std::chrono::milliseconds again{250};
// Publishes that wait for the thread; an answer takes a round trip for all that wait together.
constexpr std::size_t publications_max = 10'000;

}  // namespace

NatsRequests::NatsRequests(const config::Source& config, const NatsMapping& mapping, const StreamPositionFormat& format,
                           NatsHandover& handover, Poison& poison, observe::SourceMetrics& metrics)
    : config_(config),
      handover_(handover),
      poison_(poison),
      metrics_(metrics),
      pages_(mapping, format),
      publisher_(mapping, format) {}

void NatsRequests::start() {
  thread_ = std::thread([this] { run(); });
}

void NatsRequests::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (connection_) natsConnection_Close(connection_.get());
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void NatsRequests::use(NatsConnection connection, const std::string& server) {
  {
    const std::lock_guard lock(mutex_);
    connection_ = std::move(connection);
    server_ = server;
  }
  changed_.notify_all();
}

void NatsRequests::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  {
    const std::lock_guard lock(mutex_);
    reads_.push_back({request, limits, std::move(done)});
  }
  changed_.notify_all();
}

void NatsRequests::publish(const std::string& subject, topic::Event&& event,
                           std::function<void(topic::PublishResult)> done) {
  topic::PublishResult refusal{.kind = topic::PublishResult::Kind::busy};
  {
    const std::lock_guard lock(mutex_);
    if (!connection_) {
      refusal.kind = topic::PublishResult::Kind::unavailable;
      refusal.detail = "no connection to nats: nothing was written";
    } else if (publications_.size() < publications_max) {
      publications_.push_back({subject, std::move(event), std::move(done)});
      return changed_.notify_all();
    }
  }
  done(std::move(refusal));
}

void NatsRequests::run() {
  for (;;) {
    std::vector<Publication> publications;
    std::optional<Read> read;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !publications_.empty() || (connection_ && !reads_.empty()); });
      if (stopped_) break;
      if (connection_ && (!stream_ || stream_->connection() != connection_))
        stream_ = std::make_unique<NatsStream>(connection_, config_.stream, server_);
      publications.swap(publications_);
      if (connection_ && !reads_.empty()) {
        read = std::move(reads_.front());
        reads_.pop_front();
      }
    }
    if (!publications.empty()) run_publishes(std::move(publications));
    if (read) run_read(std::move(*read));
  }
  stream_.reset();
  publisher_.forget();
  nats_ReleaseThreadMemory();
}

void NatsRequests::run_read(Read&& read) {
  NatsPages::Answer answer = pages_.read(*stream_, read.request, read.limits);
  if (answer.page)
    return handover_.answer([this, answer = std::move(answer), done = std::move(read.done)](topic::TimePoint) {
      metrics_.pages.add();
      for (const char* flaw : answer.flaws) poison_.count(flaw, config_.stream);
      done(answer.page);
    });
  std::unique_lock lock(mutex_);
  reads_.push_front(std::move(read));
  changed_.wait_for(lock, again, [this] { return stopped_ || !publications_.empty(); });
}

void NatsRequests::run_publishes(std::vector<Publication>&& publications) {
  const NatsConnection connection = stream_ ? stream_->connection() : nullptr;  // it may be lost since they were asked
  for (auto& [done, result] : publisher_.publish(connection, std::move(publications)))
    handover_.answer([done = std::move(done), result = std::move(result)](topic::TimePoint) { done(result); });
}

}  // namespace sluice::source
