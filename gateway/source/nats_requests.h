// NatsRequests: the thread of a JetStream source that asks: reads pages of the past and publishes, while NatsLife's
// thread follows the stream. Owned by the source; asked on its home worker's thread, answers there. Without a connection
// a page waits for the next, and a publish is refused at once: nobody repeats it.
// Invariant: every publish is answered once, every page as soon as the engine has answered; nothing after stop().
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/source/nats_handover.h"
#include "gateway/source/nats_pages.h"
#include "gateway/source/nats_publisher.h"
#include "gateway/source/poison.h"
#include "gateway/topic/provider.h"

namespace sluice::source {

class NatsRequests {
 public:
  // All outlive it; `poison` and `metrics` are used on the loop.
  NatsRequests(const config::Source& config, const NatsMapping& mapping, const StreamPositionFormat& format,
               NatsHandover& handover, Poison& poison, observe::SourceMetrics& metrics);
  ~NatsRequests() { stop(); }
  NatsRequests(const NatsRequests&) = delete;
  NatsRequests& operator=(const NatsRequests&) = delete;

  // --- The home worker's thread
  void start();
  void stop();
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done);
  void publish(const std::string& subject, topic::Event&& event, std::function<void(topic::PublishResult)> done);

  // --- The life's thread
  // What is asked goes over this connection from now on; nullptr: there is none.
  void use(NatsConnection connection, const std::string& server);

 private:
  struct Read {
    topic::ReadRequest request;
    topic::ReadLimits limits;
    topic::ReadDone done;
  };
  void run();
  void run_read(Read&& read);
  void run_publishes(std::vector<Publication>&& publications);

  const config::Source& config_;
  NatsHandover& handover_;
  Poison& poison_;
  observe::SourceMetrics& metrics_;
  const NatsPages pages_;
  NatsPublisher publisher_;
  std::unique_ptr<NatsStream> stream_;  // the thread's, of the connection that it used last

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  NatsConnection connection_;
  std::string server_;
  std::deque<Read> reads_;
  std::vector<Publication> publications_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace sluice::source
