// SseBackendPast: what a backend still has of the past of one topic: for who resumes at an id that the ring does not
// hold the backend is asked with that id, on an event stream of its own, until it sends an event that the ring holds.
// Opaque ids tell no order, so that meeting is the only proof that nothing is left out between the two. Owned by the
// topic, on the home worker's thread. Never appends.
//   read(a) → Last-Event-ID: a → page (a, b] → read(b), same stream → … → page that ends in the ring
// A backend that is silent gives an empty page each two seconds, so that streams open: the reading stays. One that has
// begun anew is told to the topic before anything of its new beginning is given.
// Invariant: every read is answered once; a page's entries follow its `after` without a hole, or with a gap among them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/source/sse_backend_event.h"
#include "gateway/source/sse_backend_stream.h"
#include "gateway/topic/page.h"

namespace sluice::source {

class SseBackendPast {
 public:
  struct Topic {
    std::string name;
    SseBackendStream::Options stream;
    std::function<SseBackendReader()> make_reader;
    std::function<bool(std::string_view position)> ring_holds;
    std::function<bool()> backend_is_there;  // by the topic's own stream
    // Its own stream has not been away since its last event, so that the backend cannot have begun anew unseen.
    std::function<bool()> is_steady;
    // That position was another event's.
    std::function<bool(std::string_view position, const topic::Event& event)> is_another;
    std::function<void()> begin_anew;
  };
  SseBackendPast(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, Topic topic);
  ~SseBackendPast();
  SseBackendPast(const SseBackendPast&) = delete;
  SseBackendPast& operator=(const SseBackendPast&) = delete;

  // `after`: a position that parse_backend_position() reads, with an id of the backend.
  void read(const std::string& after, const topic::ReadLimits& limits, topic::ReadDone done);
  // The ring holds this position now.
  void on_appended(std::string_view position);
  // The topic's past is another one now: all reads are answered with nothing.
  void give_up();
  // Each second.
  void on_time(topic::TimePoint now);
  void stop();
  [[nodiscard]] std::size_t reading_count() const { return readings_.size(); }

 private:
  struct Reading;
  struct Waiting {
    std::string after;
    topic::ReadLimits limits;
    topic::ReadDone done;
  };
  void begin(Waiting&& waiting);
  void sweep_later();
  void sweep();

  boost::asio::io_context& loop_;
  client::ConnectionBuffers& buffers_;
  const Topic topic_;
  std::vector<std::unique_ptr<Reading>> readings_;
  std::deque<Waiting> queue_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>();  // gone with it: late completions look
  bool sweeping_ = false, stopped_ = false;
};

}  // namespace sluice::source
