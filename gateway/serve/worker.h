// Worker: one event loop on one thread, with its own connections and its own replicas of the topic logs. A turn: run
// what is ready, apply what other workers sent, wake the subscribers of touched logs (not while it rests after a long
// round), hand over what this worker's homes appended, then flush each dirty connection once. Built by the gateway,
// joined by it.
// Any thread may call post(); everything else runs on the worker's thread.
// Invariant: between two turns nothing is dirty that could be sent.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/load/flush_rounds.h"
#include "gateway/load/free_memory.h"
#include "gateway/load/handshake_budget.h"
#include "gateway/serve/connection.h"
#include "gateway/serve/openings.h"
#include "gateway/serve/questions.h"
#include "gateway/serve/router.h"
#include "gateway/serve/services.h"
#include "gateway/topic/home.h"
#include "gateway/topic/mailbox.h"
#include "gateway/topic/replay.h"

namespace sluice::serve {

class LoadWatch;
class Socket;

// Numbers that other threads read of a worker.
struct WorkerLoad {
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> handshakes{0};
  std::atomic<std::uint64_t> streams{0};
  std::atomic<std::uint64_t> turnover{0};  // connections opened and closed since the start
  // As of its last tick: CPU time of its thread since the start, how late it ran, bytes that sockets have not taken.
  std::atomic<std::uint64_t> cpu_ns{0}, lag_ns{0}, backlog_bytes{0}, sent_bytes{0};
  // load::ArrivalCosts
  std::atomic<std::uint64_t> handshake_ns{0}, handshakes_done{0}, subscribe_ns{0}, subscribes{0}, replay_bytes{0};
};

class Worker final : private Sources {
 public:
  Worker(unsigned index, const config::Config& config, const Rules& rules, observe::WorkerMetrics& metrics,
         const load::State& load_state);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // --- Wiring, before the threads start
  // All workers, this one included, by index.
  void connect(std::vector<Worker*> workers) { workers_ = std::move(workers); }
  topic::Topics& add_topics(std::shared_ptr<topic::SharedSource> source, const topic::History& history);
  // This worker is the source's home.
  void adopt(topic::SourceIndex source, std::unique_ptr<topic::Home> home, std::unique_ptr<topic::Provider> provider);
  // Which worker is the home of each source, by source index.
  void set_homes(std::vector<unsigned> homes) { homes_ = std::move(homes); }
  // The first worker's: told of each tick.
  void set_load_watch(LoadWatch& watch) { load_watch_ = &watch; }
  // Sends a message to every other worker: for homes.
  void broadcast(const topic::Message& message);

  // --- Any thread
  void post(std::function<void()> call);
  [[nodiscard]] const WorkerLoad& load() const { return load_; }
  [[nodiscard]] topic::Mailbox& mailbox() { return mailbox_; }

  // --- The worker's thread
  void run();
  void stop() { stopped_ = true; }
  // Takes over an accepted descriptor. `handler` null: the public router.
  // `surplus`: one more than there is room for (load::ConnectionRoom); its streams are refused, and it is closed.
  void take(int descriptor, std::string remote, const proto::TlsContext& context, Handler* handler, bool surplus);
  // Ends every connection at a moment drawn within `duration`.
  void drain(std::chrono::milliseconds duration);
  [[nodiscard]] std::size_t connection_count() const { return sockets_.size(); }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] Services& services() { return services_; }

 private:
  friend class Socket;  // the worker's own end of a connection: its turn's time and handshakes, its loads, its grave
  struct OwnSource {
    topic::SourceIndex source;
    std::unique_ptr<topic::Home> home;
    std::unique_ptr<topic::Provider> provider;
    std::unique_ptr<topic::Replays> replays;  // of a source that can
    Openings openings = {};
    std::uint64_t begun = 0;    // topic::Home::begun_count() that its pages are of
    std::uint64_t counted = 0;  // of its events, in the metrics
  };
  struct Outbox {
    std::vector<topic::Message> messages;
    std::size_t bytes = 0;
  };

  [[nodiscard]] std::uint64_t streams_elsewhere() const override;
  [[nodiscard]] std::size_t body_bytes() const override;
  [[nodiscard]] bool may_have(topic::SourceIndex source, std::string_view topic) const override;
  [[nodiscard]] bool has_wildcards(topic::SourceIndex source) const override;
  void await_open(StreamAddress asker) override { waiting_to_open_.push_back(asker); }
  void open(topic::SourceIndex source, const std::string& topic, StreamAddress asker) override;
  void read(topic::SourceIndex source, topic::ReadRequest&& request, StreamAddress asker, std::size_t part) override;
  void publish(topic::SourceIndex source, const std::string& topic, std::vector<topic::Event> events,
               StreamAddress asker) override;
  // At the home of the source.
  void open_here(topic::SourceIndex source, const std::string& topic, unsigned worker);
  void tell_opened(topic::SourceIndex source, const std::string& topic, topic::OpenResult result);
  void read_here(topic::SourceIndex source, topic::ReadRequest&& request, topic::ReadDone done);
  // The home's answers.
  void on_opened(topic::SourceIndex source, const std::string& topic, topic::OpenResult result);
  void on_read(topic::SourceIndex source, const topic::ReadRequest& request, const topic::PagePtr& page);
  void retry_opening();
  // Tells homes which topics nobody here waits for any more.
  void leave_openings();
  [[nodiscard]] bool is_open(StreamAddress stream);
  template <typename StreamType>
  [[nodiscard]] StreamType* find(StreamAddress address);
  [[nodiscard]] OwnSource& own_source(topic::SourceIndex source);
  void send(unsigned worker, topic::Message&& message);
  [[nodiscard]] bool others_full() const;

  void end_turn();
  void parse_bodies();
  void wake_subscribers();
  // Looks for subscribers to wake at that time.
  void wake_later(topic::TimePoint when);
  void read_mailbox();
  void send_outboxes();
  void flush_dirty();
  void bury(std::uint64_t connection);
  void arm_tick();
  void on_tick();
  void on_second();
  void expire_topics();
  void publish_gauges();
  void tell_load();
  void adjust_to_load();
  void tell_retry();
  void shed_memory();
  void release_memory();
  void arm_sources();
  void hold_sources();
  void mark_time() { services_.now = std::chrono::steady_clock::now(); }

  const unsigned index_;
  const config::Config& config_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer tick_{io_}, source_timer_{io_}, rest_timer_{io_};
  topic::TimePoint tick_due_{}, wake_due_ = topic::TimePoint::max();
  topic::Mailbox mailbox_;
  Services services_;
  Router router_;
  WorkerLoad load_;
  std::vector<Worker*> workers_;
  std::vector<unsigned> homes_;
  std::vector<OwnSource> own_sources_;
  std::vector<Outbox> outboxes_;  // by worker
  std::vector<topic::Message> received_;
  std::vector<StreamAddress> waiting_to_open_;  // streams that wait for a topic
  std::uint64_t waiting_revision_ = 0;          // of the topics, when they last tried
  Questions page_questions_, open_questions_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Socket>> sockets_;
  std::vector<std::vector<Socket*>> slots_;  // by visit: each is looked at once per second
  std::vector<std::uint64_t> deferred_;      // readable, but this turn's handshakes are used up
  std::uint64_t next_connection_ = 1;
  load::HandshakeBudget handshakes_;
  std::size_t slot_ = 0;
  load::FreeMemory free_memory_;
  load::FlushRounds rounds_;
  LoadWatch* load_watch_ = nullptr;
  bool stopped_ = false, draining_ = false, sources_paused_ = false;
};

}  // namespace sluice::serve
