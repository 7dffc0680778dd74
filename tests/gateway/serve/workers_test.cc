// Three workers on threads of their own with two publish sources at different homes, and connections from real sockets
// only in end-to-end tests: here topics are opened, published to, joined, left and removed across threads, through the
// same calls that streams make. Meaningful under -Db_sanitize=thread.
#include "gateway/serve/worker.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/source/publish.h"
#include "tests/gateway/serve/conversation.h"
#include "tests/support/source_context.h"

using namespace sluice;
using namespace std::chrono_literals;
using serve::Worker;

namespace {

constexpr unsigned worker_count = 3;

// A source that wants to be called every millisecond and counts how often it is told to hold and to go on. Its engine
// never answers: a topic that is asked for is never open.
struct Metronome final : topic::Provider {
  void open(const std::string&, topic::TimePoint, std::function<void(topic::OpenResult)>) override { ++opens; }
  void stop_opening(const std::set<std::string>& topics) override { dropped += static_cast<int>(topics.size()); }
  void publish(const std::string&, std::vector<topic::Event>, topic::TimePoint,
               std::function<void(topic::PublishResult)>) override {}
  [[nodiscard]] topic::TimePoint due() const override { return next; }
  void on_time(topic::TimePoint now) override { next = now + 1ms; }
  void pause() override { ++pauses; }
  void go_on() override { ++resumptions; }
  topic::TimePoint next = std::chrono::steady_clock::now();
  std::atomic<int> pauses{0}, resumptions{0}, opens{0}, dropped{0};
};

config::Config with_mailbox(std::size_t bytes) {
  config::Config config = tests::Conversation::default_config();
  config.limits.mailbox = bytes;
  return config;
}

class Workers {
 public:
  explicit Workers(config::Config config = tests::Conversation::default_config()) : config_(std::move(config)) {
    std::vector<Worker*> all;
    for (unsigned index = 0; index != worker_count; ++index) {
      workers_.push_back(std::make_unique<Worker>(index, config_, rules_, metrics_.worker(index), load_state_));
      all.push_back(workers_.back().get());
    }
    for (const auto& worker : workers_) worker->connect(all);
    topic::History history;
    history.entries = 50;
    history.age = 0ms;     // an event is old in the next look,
    history.linger = 0ms;  // and an unused topic goes with it
    for (unsigned source = 0; source != config_.sources.size(); ++source) {
      const auto shared =
          std::make_shared<topic::SharedSource>(config_.sources[source].name, proto::Epoch::from_random(source + 1));
      for (const auto& worker : workers_) worker->add_topics(shared, history);
      Worker& home_worker = *workers_[source];
      auto home = std::make_unique<topic::Home>(
          static_cast<topic::SourceIndex>(source), *home_worker.services().topics[source], history, 1000U,
          [&home_worker](const topic::Message& message) { home_worker.broadcast(message); });
      givens_.push_back(std::make_unique<tests::SourceContext>("publish:"));
      auto adapter = std::make_unique<source::Publish>(givens_.back()->context(*home));
      adapter->start(std::chrono::steady_clock::now());
      homes_.push_back(home.get());
      providers_.push_back(adapter.get());
      home_worker.adopt(static_cast<topic::SourceIndex>(source), std::move(home), std::move(adapter));
    }
    history.linger = 1s;
    auto ticking = std::make_unique<Metronome>();
    metronome_ = ticking.get();
    workers_[0]->adopt(2,
                       std::make_unique<topic::Home>(topic::SourceIndex{2}, *workers_[0]->services().topics[0], history,
                                                     2U, [](const topic::Message&) {}),
                       std::move(ticking));
    for (const auto& worker : workers_) worker->set_homes({0, 1, 0});
    for (const auto& worker : workers_) threads_.emplace_back([&worker] { worker->run(); });
  }
  ~Workers() {
    for (const auto& worker : workers_) worker->post([&worker] { worker->stop(); });
    for (std::thread& thread : threads_) thread.join();
  }
  // Runs the call on the worker's thread and waits for it.
  void on(unsigned worker, const std::function<void()>& call) {
    std::promise<void> done;
    workers_[worker]->post([&] {
      call();
      done.set_value();
    });
    done.get_future().wait();
  }
  topic::Topics& topics(unsigned worker, unsigned source) { return *workers_[worker]->services().topics[source]; }
  topic::Home& home(unsigned source) { return *homes_[source]; }
  topic::Provider& provider(unsigned source) { return *providers_[source]; }
  Worker& worker(unsigned index) { return *workers_[index]; }
  const Metronome& metronome() { return *metronome_; }
  // As a POST on that worker does; whatever is to be handed over has been when it returns.
  void post(unsigned worker, unsigned source, const std::string& data) {
    on(worker, [&] {
      std::vector<topic::Event> events{{.data = data}};
      workers_[worker]->services().sources.publish(static_cast<topic::SourceIndex>(source), name(source) + "/a",
                                                   std::move(events), {});
    });
    for (const unsigned passed : {worker, source, worker}) on(passed, [] {});
  }
  // As a stream does that has gone since.
  void open(unsigned worker, unsigned source, const std::string& topic) {
    on(worker, [&] {
      workers_[worker]->services().sources.open(static_cast<topic::SourceIndex>(source), topic, {++last_stream_, 1});
    });
    for (const unsigned passed : {worker, source % 2, worker}) on(passed, [] {});
  }
  std::uint64_t refused(unsigned worker) { return metrics_.worker(worker).limit_hits[observe::Limit::mailbox].value(); }
  [[nodiscard]] std::string name(unsigned source) const { return config_.sources[source].name; }

 private:
  const config::Config config_;
  const serve::Rules rules_{config_};
  observe::Metrics metrics_{worker_count};
  load::State load_state_;
  std::vector<std::unique_ptr<tests::SourceContext>> givens_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<topic::Home*> homes_;
  std::vector<topic::Provider*> providers_;
  Metronome* metronome_ = nullptr;
  std::uint64_t last_stream_ = 0;
  std::vector<std::thread> threads_;
};

// Follows one topic on one worker: counts what it sees, and that it comes in order.
struct Follower : topic::Subscriber {
  void on_touched() override {
    for (; next < log->first(); next = log->first()) lost += log->first() - next;
    for (; next != log->head(); ++next, ++seen) {
      ordered = ordered && log->sequence_at(next) > last;
      last = log->sequence_at(next);
      bytes += log->at(next).bytes().size();
    }
  }
  topic::TopicLog* log = nullptr;
  topic::Offset next = 0;
  topic::Sequence last = 0;
  std::uint64_t seen = 0, lost = 0, bytes = 0;
  std::uint32_t index = 0;
  bool ordered = true;
};

}  // namespace

TEST_CASE("events published at two homes reach the followers on every worker, in order") {
  Workers workers;
  constexpr int batches = 200, events = 10;
  std::vector<std::unique_ptr<Follower>> followers;
  for (unsigned source = 0; source != 2; ++source) {
    const std::string name = workers.name(source) + "/a";
    workers.on(source, [&] { (void)workers.home(source).open(name, std::chrono::steady_clock::now() + 1h); });
    for (unsigned worker = 0; worker != worker_count; ++worker) {
      followers.push_back(std::make_unique<Follower>());
      Follower& follower = *followers.back();
      while (follower.log == nullptr)  // until the worker has heard of it
        workers.on(worker, [&] {
          follower.log = workers.topics(worker, source).join(name);
          if (follower.log != nullptr) follower.log->add(follower, follower.index);
        });
    }
  }
  for (int batch = 0; batch != batches; ++batch)
    for (unsigned source = 0; source != 2; ++source)
      workers.worker(source).post([&workers, source] {
        std::vector<topic::Event> batch_events(events, {.data = "some text"});
        workers.provider(source).publish(workers.name(source) + "/a", std::move(batch_events),
                                         std::chrono::steady_clock::now(), [](const topic::PublishResult&) {});
      });
  for (unsigned source = 0; source != 2; ++source)
    for (unsigned worker = 0; worker != worker_count; ++worker) {
      Follower& follower = *followers[source * worker_count + worker];
      std::uint64_t accounted = 0;
      while (accounted != batches * events) workers.on(worker, [&] { accounted = follower.seen + follower.lost; });
      workers.on(worker, [&] {
        CHECK(follower.ordered);
        CHECK(follower.seen > 0);
        follower.log->remove(follower.index);
        workers.topics(worker, source).leave(*follower.log, std::chrono::steady_clock::now());
      });
    }
}

TEST_CASE("topics that come, go and come back while workers join and leave them end consistent everywhere") {
  Workers workers;
  std::atomic<int> joined{0};
  for (int round = 0; round != 300; ++round) {
    const std::string name = workers.name(0) + "/" + std::to_string(round % 3);
    workers.on(0, [&] {
      const auto now = std::chrono::steady_clock::now();
      const auto topic = workers.home(0).open(name, now);
      (void)workers.home(0).append(*topic, {.data = "x", .idempotency_key = "k"}, now);
    });
    workers.on(0, [] {});  // in a later turn: the others have been told
    // Empties and removes what nobody has joined, while the others join.
    workers.worker(0).post([&workers] { workers.home(0).expire(std::chrono::steady_clock::now() + 1s); });
    for (unsigned worker = 1; worker != worker_count; ++worker)
      workers.worker(worker).post([&workers, &joined, name, worker] {
        topic::Topics& topics = workers.topics(worker, 0);
        topic::TopicLog* log = topics.join(name);
        if (log == nullptr) return;
        ++joined;
        topics.leave(*log, std::chrono::steady_clock::now());
      });
  }
  workers.on(0, [&] {
    workers.home(0).expire(std::chrono::steady_clock::now() + 1s);
    workers.home(0).expire(std::chrono::steady_clock::now() + 1s);
    CHECK(workers.topics(0, 0).topic_count() == 0);
  });
  for (unsigned worker = 1; worker != worker_count; ++worker) {
    std::size_t count = 1;
    while (count != 0) workers.on(worker, [&] { count = workers.topics(worker, 0).topic_count(); });
    workers.on(worker, [&] { CHECK(workers.topics(worker, 0).footprint() == 0); });
  }
  CHECK(joined > 0);
}

TEST_CASE("workers stop at once, also with messages under way, and keep none of them") {
  const auto held = std::make_shared<int>();  // by every message that is still to be taken
  const auto began = std::chrono::steady_clock::now();
  {
    Workers workers;
    for (int count = 0; count != 100; ++count)
      workers.worker(0).post([&workers, held] {
        const auto now = std::chrono::steady_clock::now();
        (void)workers.home(0).append(*workers.home(0).open("notes/a", now), {.data = "x"}, now);
        for (const unsigned other : {1, 2}) workers.worker(other).post([held] {});
      });
  }
  CHECK(held.use_count() == 1);
  CHECK(std::chrono::steady_clock::now() - began < 10s);  // far more than it takes: a worker that waits never ends
}

TEST_CASE("a worker that is stuck fills its mailbox up to limits.mailbox: publishing is refused and sources pause") {
  constexpr std::size_t mailbox = 1024 * 1024, event = 100 * 1024;
  Workers workers(with_mailbox(mailbox));
  std::promise<void> stuck, release;
  workers.worker(2).post([&] {
    stuck.set_value();
    release.get_future().wait();
  });
  stuck.get_future().wait();
  int published = 0;
  for (; !workers.worker(2).mailbox().full(); ++published) {
    REQUIRE(published < 50);
    workers.post(0, 0, std::string(event, 'x'));
  }
  CHECK(published == mailbox / event + 1);
  CHECK(workers.refused(0) == 0);
  topic::Sequence last = 0;
  workers.on(0, [&] { last = workers.home(0).last(); });
  CHECK(last == static_cast<topic::Sequence>(published));
  workers.post(0, 0, "refused at the home");
  workers.post(1, 0, "refused at another worker");
  CHECK(workers.refused(0) == 1);
  CHECK(workers.refused(1) == 1);
  while (workers.metronome().pauses == 0) workers.on(0, [] {});
  CHECK(workers.metronome().resumptions == 0);

  release.set_value();
  while (workers.worker(2).mailbox().full()) workers.on(2, [] {});
  workers.post(1, 0, "taken again");
  workers.on(0, [&] { CHECK(workers.home(0).last() == last + 1); });
  while (workers.metronome().resumptions == 0) workers.on(0, [] {});
  CHECK(workers.metronome().pauses == 1);
}

TEST_CASE("a topic that no engine opens is asked for once, counts, and is dropped when nobody waits") {
  Workers workers;
  for (int stream = 0; stream != 3; ++stream)
    for (unsigned worker = 0; worker != worker_count; ++worker) workers.open(worker, 2, "clock/a");
  CHECK(workers.metronome().opens == 1);
  for (const char* topic : {"clock/b", "clock/c", "clock/d"}) workers.open(1, 2, topic);
  CHECK(workers.metronome().opens == 2);  // limits.topics: there is no room for more
  while (workers.metronome().dropped != 2) workers.on(0, [] {});
  workers.open(2, 2, "clock/c");
  CHECK(workers.metronome().opens == 3);
}
