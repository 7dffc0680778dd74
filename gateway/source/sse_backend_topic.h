// SseBackendTopic: one topic of an SSE backend: the one event stream that all of its subscribers share, what comes of
// it appended, and the past that the backend still has. Owned by the source, on the home worker's thread.
// It opens when the backend has answered and said, by its first block, where it is; a backend that says nothing is
// given a moment. Invariant: between two entries nothing is missing that the backend would have sent, unless a gap
// stands there: a reconnect is by Last-Event-ID, and where there is no id to name the place, it is a gap.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/source/source.h"
#include "gateway/source/sse_backend_event.h"
#include "gateway/source/sse_backend_ids.h"
#include "gateway/source/sse_backend_past.h"
#include "gateway/source/sse_backend_stream.h"

namespace sluice::source {

// What the topics of one source share; outlives them.
struct SseBackendShared {
  Context& context;
  Poison& poison;
  const SseBackendFormat& format;
  client::ConnectionBuffers& buffers;
  std::uint64_t own_count = 0;
  // The topic's stream is there (empty), or why not.
  std::function<void(const std::string& topic, const std::string& why)> on_state;
  // The backend has no such topic, or there are too many: it was answered to who asked, and goes.
  std::function<void(const std::string& topic, topic::OpenResult why)> on_failed;
};

class SseBackendTopic final : private SseBackendStream::Visitor {
 public:
  using OpenDone = std::function<void(topic::OpenResult)>;

  // `may_be_unknown`: a refusal means that there is no such topic, not that the source is wrong.
  SseBackendTopic(SseBackendShared& shared, std::string name, const SseBackendStream::Options& stream,
                  bool may_be_unknown);

  void start() { stream_.start({}); }
  void stop();
  void open(OpenDone done);
  // Whoever has waited for it has gone.
  void stop_opening() { opening_.clear(); }
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done);
  void pause() { stream_.pause(); }
  void resume() { stream_.resume(); }
  void on_time(topic::TimePoint now) { past_.on_time(now); }

 private:
  void on_open() override;
  void on_event(const proto::sse::EventView& event) override;
  void on_comment() override;
  void on_too_large(std::string_view last_event_id) override;
  void on_away(const std::string& why) override;
  void on_refused(int status, const std::string& why) override;

  void finish_open(const std::string& position);
  void answer(topic::OpenResult result);
  void fail_open(topic::OpenResult result);
  void append(const SseBackendEvent& taken);
  void append_gap(topic::GapReason reason, const std::string& position);
  // The position was another event's.
  [[nodiscard]] bool is_another(std::string_view position, const topic::Event& event) const;
  void begin_anew();
  [[nodiscard]] bool ring_holds(std::string_view position) const;
  [[nodiscard]] topic::PagePtr page_of_ring(const topic::ReadRequest& request, const topic::ReadLimits& limits) const;

  SseBackendShared& shared_;
  const std::string name_;
  const bool may_be_unknown_;
  SseBackendStream stream_;
  SseBackendReader reader_;
  SseBackendPast past_;
  SseBackendIds ids_;
  boost::asio::steady_timer first_block_;                       // how long the backend may take for it
  const std::shared_ptr<int> alive_ = std::make_shared<int>();  // gone with it: late completions look
  std::optional<topic::TopicIndex> index_;                      // once open
  std::vector<OpenDone> opening_;
  std::optional<topic::TimePoint> refused_since_;  // at the first refusal
  bool was_away_ = false;
  bool catching_up_ = false;   // since a reconnect nothing new has come
  bool told_of_loss_ = false;  // and no event since
  bool failed_ = false;
};

}  // namespace sluice::source
