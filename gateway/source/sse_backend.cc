#include "gateway/source/sse_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace sluice::source {
namespace {

using namespace std::chrono_literals;
using topic::OpenResult;

// A captured value costs the backend an event stream and this gateway a descriptor.
constexpr std::size_t topics_max = 1024;
// A topic that the backend does not have is not asked for again at once, whoever wants it.
constexpr auto unknown_time = 10s;
constexpr std::size_t unknown_max = 4096;
constexpr std::size_t reads_max = 64;
constexpr auto tick = 1s;

std::unique_ptr<proto::TlsContext> make_tls(const config::Source& config) {
  if (config.scheme() != "https") return nullptr;
  proto::TlsContext::ClientOptions options;
  if (!config.tls.ca.empty()) options.ca = config.tls.ca;
  options.alpn = "h2,http/1.1";
  return std::make_unique<proto::TlsContext>(proto::TlsContext::client(options));
}

}  // namespace

void check_sse_backend(const config::Source& config) {
  static_cast<void>(SseBackendUrl(config.name, config.url));
  static_cast<void>(make_tls(config));
  const auto visible = [](char c) { return c > ' ' && c < 0x7f; };
  if (!std::ranges::all_of(config.token, visible))
    throw std::invalid_argument("`token` must be visible ASCII without blanks: it travels in a header field");
}

SseBackend::SseBackend(Context&& context)
    : context_(std::move(context)),
      url_(context_.config.name, context_.config.url),
      tls_(make_tls(context_.config)),
      poison_(context_.limits, context_.metrics),
      shared_{.context = context_,
              .poison = poison_,
              .format = static_cast<const SseBackendFormat&>(context_.format),
              .buffers = buffers_,
              .on_state = [this](const std::string& topic, const std::string& why) { on_state(topic, why); },
              .on_failed =
                  [this](const std::string& topic, OpenResult why) {
                    if (why == OpenResult::unknown_topic && unknown_.size() < unknown_max)
                      unknown_[topic] = std::chrono::steady_clock::now() + unknown_time;
                    bury(topic);
                  }} {}

SseBackend::~SseBackend() = default;

void SseBackend::start(topic::TimePoint now) {
  due_ = now + tick;
  if (url_.has_captures())
    return context_.metrics.set_state(observe::SourceState::up,
                                      "a topic's stream is asked for on its first use: nothing was tried yet");
  make_topic(context_.config.name);
}

void SseBackend::stop() {
  for (const auto& [name, topic] : topics_) topic->stop();
  context_.metrics.set_state(observe::SourceState::stopped);
}

// --- Topics --------------------------------------------------------------------------------------------------------

bool SseBackend::may_have(std::string_view topic) const { return url_.target_of(topic).has_value(); }

std::size_t SseBackend::reads_at_once() const { return reads_max; }

SseBackendTopic& SseBackend::make_topic(const std::string& name) {
  SseBackendStream::Options stream;
  stream.target = *url_.target_of(name);
  if (!context_.config.token.empty()) stream.fields.push_back({"authorization", "Bearer " + context_.config.token});
  stream.tls = tls_.get();
  stream.silence = context_.config.silence;
  stream.event_size_max = context_.limits.event_size;
  stream.seed = context_.random();
  auto& topic = *topics_.emplace(name, std::make_unique<SseBackendTopic>(shared_, name, stream, url_.has_captures()))
                     .first->second;
  if (paused_) topic.pause();
  topic.start();
  return topic;
}

void SseBackend::open(const std::string& name, topic::TimePoint now, std::function<void(OpenResult)> done) {
  if (!may_have(name)) return done(OpenResult::unknown_topic);
  if (const auto found = topics_.find(name); found != topics_.end()) return found->second->open(std::move(done));
  if (const auto found = unknown_.find(name); found != unknown_.end() && found->second > now)
    return done(OpenResult::unknown_topic);
  if (topics_.size() >= topics_max) return done(OpenResult::too_many_topics);
  make_topic(name).open(std::move(done));
}

void SseBackend::stop_opening(const std::set<std::string>& topics) {
  for (const std::string& name : topics) {
    const auto found = topics_.find(name);
    if (url_.has_captures())
      bury(name);
    else if (found != topics_.end())  // it is there for whoever comes
      found->second->stop_opening();
  }
}

void SseBackend::on_topic_closed(const std::string& topic) { bury(topic); }

void SseBackend::bury(const std::string& name) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return;
  // Out of the table first: its stop() answers reads, and whoever waited for a place asks at once.
  buried_.push_back(std::move(found->second));
  topics_.erase(found);
  buried_.back()->stop();
  on_state(name, {});
}

void SseBackend::on_time(topic::TimePoint now) {
  due_ = now + tick;
  buried_.clear();
  std::erase_if(unknown_, [&](const auto& entry) { return entry.second <= now; });
  for (const auto& [name, topic] : topics_) topic->on_time(now);
}

void SseBackend::on_state(const std::string& topic, const std::string& why) {
  const bool was_away = away_.contains(topic);
  if (why.empty())
    away_.erase(topic);
  else
    away_[topic] = why;
  if (why.empty() && was_away && topics_.contains(topic)) context_.metrics.reconnects.add();
  if (away_.empty()) return context_.metrics.set_state(observe::SourceState::up);
  const auto& [first, reason] = *away_.begin();
  context_.metrics.set_state(
      observe::SourceState::down,
      away_.size() == 1 ? reason : fmt::format("{} topics, the first `{}`: {}", away_.size(), first, reason));
}

void SseBackend::pause() {
  paused_ = true;
  context_.metrics.paused.add();
  for (const auto& [name, topic] : topics_) topic->pause();
}

void SseBackend::go_on() {
  paused_ = false;
  for (const auto& [name, topic] : topics_) topic->resume();
}

// --- The past, and publishing --------------------------------------------------------------------------------------

void SseBackend::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  const auto found = topics_.find(request.topics.front());
  if (found == topics_.end()) return done(nullptr);
  found->second->read(request, limits, std::move(done));
}

}  // namespace sluice::source
