// SseBackend: topics from another server of event streams, `url = "https://host/feed"` or one per captured value of
// `https://host/feeds/{region}`, opened on first use. One connection for each topic, shared by all of its subscribers,
// over HTTP/2 or HTTP/1.1 as the backend chooses. Positions are the backend's own ids, opaque, per topic; they are sent
// on as Last-Event-ID and mean on every node what the backend says. Owned by its home worker, on its thread.
// It never sends its token to another server, never relays the backend's `retry:` or `sluice.*` events; a `sluice.gap`
// becomes a gap of its own. Invariant: one event stream at the backend for each open topic, and a few more while
// subscribers read what is older than its ring (sse_backend_past).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/source/poison.h"
#include "gateway/source/source.h"
#include "gateway/source/sse_backend_topic.h"
#include "gateway/source/sse_backend_url.h"

namespace sluice::source {

// Throws std::exception with what is wrong with its keys.
void check_sse_backend(const config::Source& config);

class SseBackend final : public Source {
 public:
  explicit SseBackend(Context&& context);
  ~SseBackend() override;

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override;
  [[nodiscard]] bool has_wildcards() const override { return false; }
  [[nodiscard]] std::size_t reads_at_once() const override;
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void stop_opening(const std::set<std::string>& topics) override;
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) override;
  void on_topic_closed(const std::string& topic) override;
  [[nodiscard]] topic::TimePoint due() const override { return due_; }
  void on_time(topic::TimePoint now) override;
  void pause() override;
  void go_on() override;

 private:
  SseBackendTopic& make_topic(const std::string& name);
  void bury(const std::string& name);
  void on_state(const std::string& topic, const std::string& why);

  Context context_;
  const SseBackendUrl url_;
  std::unique_ptr<proto::TlsContext> tls_;
  client::ConnectionBuffers buffers_;
  Poison poison_;
  SseBackendShared shared_;
  std::unordered_map<std::string, std::unique_ptr<SseBackendTopic>> topics_;
  std::vector<std::unique_ptr<SseBackendTopic>> buried_;       // until their callbacks are over
  std::unordered_map<std::string, topic::TimePoint> unknown_;  // topics that the backend does not have, until then
  std::map<std::string, std::string> away_;                    // why, by topic
  topic::TimePoint due_ = topic::TimePoint::max();
  bool paused_ = false;
};

}  // namespace sluice::source
