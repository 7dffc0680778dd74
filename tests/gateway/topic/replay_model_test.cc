// A model fuzz of subscribers of an engine that trims, over rings that hold next to nothing. SLUICE_TEST_SEED=… repeats
// a run.
#include "gateway/topic/replay.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gateway/topic/merge.h"
#include "proto/sse.h"
#include "tests/gateway/topic/replicas.h"
#include "tests/gateway/topic/trimming_engine.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Engine;
using tests::engine_source;
using tests::number_of;
using tests::position;
using tests::Replicas;
using topic::Merge;
using topic::PagePtr;
using topic::PartStart;
using topic::ReadRequest;
using topic::Wish;

namespace {

class World;

const std::vector<std::string> all_topics = {"s/a", "s/b", "s/c/d"};

class Client final : private topic::Subscriber, private proto::sse::ParserVisitor {
 public:
  Client(World& world, std::size_t worker, std::vector<std::string> topics, std::string id)
      : world_(world), worker_(worker), topics_(std::move(topics)), id_(std::move(id)) {}
  ~Client();

  void open();
  void read(std::size_t room);
  // Nothing of its topics before `number` is missing that was neither delivered nor announced.
  void check_before(std::uint64_t number) const;
  // Its id stands for exactly that; who comes back with it begins there.
  [[nodiscard]] const std::string& id() const { return id_; }
  void check_id() const { check_before(number_of(id_) + 1); }
  [[nodiscard]] const std::vector<std::string>& topics() const { return topics_; }

 private:
  void on_touched() override {}
  void on_event(const proto::sse::EventView& event) override;
  void set_done(std::uint64_t number) {
    for (const std::string& topic : all_topics) done_[topic] = std::max(done_[topic], number);
  }

  World& world_;
  const std::size_t worker_;
  const std::vector<std::string> topics_;
  std::string id_;
  // Everything of a topic up to here was delivered, or its loss announced.
  std::map<std::string, std::uint64_t> done_;
  Merge merge_{*this};
  proto::sse::Parser parser_{*this};
};

class World {
 public:
  explicit World(std::uint64_t seed)
      : random(seed),
        replicas(
            [] {
              topic::History history;
              history.entries = 3;
              history.age = 24h;
              return history;
            }(),
            2, engine_source()),
        replays(
            *replicas.shared->format,
            [this](const ReadRequest& request, topic::ReadDone done) {
              if (pick(0, 3) == 0)
                waiting.emplace_back(request, std::move(done));
              else
                done(engine.read(request, pick(1, 5)));
            },
            [this] { return replicas.home->last(); }) {
    replicas.home->start(position(0));
    for (const std::string& topic : all_topics) (void)replicas.home->open(topic, replicas.now);
    replicas.deliver(1);
  }
  std::size_t pick(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(random);
  }
  void publish() {
    engine.last += pick(1, 3);
    engine.events.push_back({engine.last, all_topics[pick(0, 2)]});
  }
  // The source reads on.
  void ingest() {
    while (ingested != engine.events.size()) {
      const Engine::Event& event = engine.events[ingested++];
      topic::Event appended;
      appended.data = event.topic + "#" + std::to_string(event.number);
      replicas.home->append(*replicas.home->open(event.topic, replicas.now), position(event.number), appended,
                            replicas.now);
    }
  }
  // Only of what the source has read: the engine keeps the rest for it.
  void trim() {
    if (ingested == 0) return;
    const std::size_t index = pick(0, ingested - 1);
    engine.trimmed_through = std::max(engine.trimmed_through, engine.events[index].number);
  }
  // The engine trims what the source has not read.
  void lose() {
    if (ingested == engine.events.size()) return;
    const std::size_t index = pick(ingested, engine.events.size() - 1);
    engine.trimmed_through = std::max(engine.trimmed_through, engine.events[index].number);
    ingested = index + 1;
    replicas.home->lose(topic::GapReason::trimmed, position(engine.events[index].number), replicas.now);
    replicas.deliver(1);  // what is sent in one turn comes in one batch (Mailbox)
  }
  void answer() {
    for (auto& [request, done] : std::exchange(waiting, {})) done(engine.read(request, pick(1, 5)));
  }

  std::mt19937_64 random;
  Engine engine;
  Replicas replicas;
  std::vector<std::pair<ReadRequest, topic::ReadDone>> waiting;
  topic::Replays replays;
  std::size_t ingested = 0;
};

Client::~Client() { merge_.leave(world_.replicas.now); }

void Client::open() {
  topic::Topics& topics = *world_.replicas.topics[worker_];
  std::vector<topic::TopicLog*> logs;
  for (const std::string& name : topics_)
    logs.push_back(topic::is_pattern(name) ? &topics.join_view(name, world_.replicas.now) : topics.join(name));
  Wish wish{.kind = Wish::Kind::now};
  if (!id_.empty()) wish = {.kind = Wish::Kind::position, .position = id_};
  const PartStart start = topic::find_start(topics, logs, wish, false);
  if (id_.empty()) {
    REQUIRE(start.kind == PartStart::Kind::ready);
    id_ = start.position;
  }
  set_done(number_of(id_));
  parser_.set_last_event_id(id_);  // of the first block
  merge_.add(topics, logs, start, id_);
}

void Client::read(std::size_t room) {
  ByteBuffer out;
  merge_.render(room, out);
  REQUIRE(parser_.feed(out.text()).has_value());
  (void)merge_.pending();
  while (auto want = merge_.take_want())
    world_.replays.want(std::move(want->request), world_.replicas.now,
                        [this, part = want->part](PagePtr page) { merge_.on_page(part, std::move(page)); });
}

void Client::on_event(const proto::sse::EventView& event) {
  id_ = event.last_event_id;
  if (event.type == "sluice.gap") {
    const std::string data(event.data);
    const std::size_t from = data.find("\"to\":\"") + 6;
    const std::uint64_t to = number_of(std::string_view(data).substr(from, data.find('"', from) - from));
    CHECK(to <= world_.engine.trimmed_through);  // nothing is called lost that the engine still has
    const std::size_t name = data.find("\"topic\":\"") + 9;
    const std::string of = data.substr(name, data.find('"', name) - name);
    for (const std::string& topic : all_topics)
      if (topic::matches(of, topic)) done_[topic] = std::max(done_[topic], to);
    return;
  }
  const std::string data(event.data);
  const std::uint64_t number = std::stoull(data.substr(data.find('#') + 1));
  CHECK(event.last_event_id == position(number));
  const std::uint64_t done = done_.at(data.substr(0, data.find('#')));
  if (number <= done) FAIL("repeated or out of order: " << data << " after " << done);
  check_before(number);
  set_done(number);
}

void Client::check_before(std::uint64_t number) const {
  for (const Engine::Event& missed : world_.engine.events) {
    if (missed.number <= done_.at(missed.topic) || missed.number >= number) continue;
    for (const std::string& name : topics_)
      if (topic::matches(name, missed.topic))
        FAIL("lost without a word: " << missed.number << " of " << missed.topic << " before " << number);
  }
}

void run(std::uint64_t seed, int steps) {
  CAPTURE(seed);
  World world(seed);
  std::vector<std::unique_ptr<Client>> clients;
  const std::vector<std::vector<std::string>> choices = {
      {"s/a"}, {"s/a", "s/b"}, {"s/**"}, {"s/c/**", "s/b"}, {"s/a", "s/b", "s/c/d"}};
  for (int step = 0; step != steps; ++step) {
    const std::size_t what = world.pick(0, 99);
    if (what < 30) {
      for (std::size_t count = world.pick(1, 6); count != 0; --count) world.publish();
    } else if (what < 55) {
      world.ingest();
    } else if (what < 60) {
      world.replicas.deliver(1, world.pick(0, 5));
    } else if (what < 62) {
      world.trim();
    } else if (what < 63) {
      world.lose();
    } else if (what < 75) {
      world.answer();
    } else if (what < 78 && clients.size() < 6) {
      clients.push_back(
          std::make_unique<Client>(world, world.pick(0, 1), choices[world.pick(0, choices.size() - 1)], ""));
      clients.back()->open();
    } else if (what < 84 && !clients.empty()) {
      // Cut, and back on any worker. Pages that it waits for must not find it.
      world.answer();
      auto& client = clients[world.pick(0, clients.size() - 1)];
      client->check_id();
      auto back = std::make_unique<Client>(world, world.pick(0, 1), client->topics(), client->id());
      client = std::move(back);
      client->open();
    } else if (!clients.empty()) {
      clients[world.pick(0, clients.size() - 1)]->read(world.pick(1, 400));
    }
    for (const auto& topics : world.replicas.topics) topics->wake(world.replicas.now);
  }
  // In the end everybody has everything.
  world.ingest();
  world.replicas.deliver(1);
  for (int round = 0; round != 3000; ++round) {
    world.answer();
    for (const auto& client : clients) client->read(1000);
  }
  for (const auto& client : clients) client->check_before(world.engine.last + 1);
}

}  // namespace

TEST_CASE("subscribers of rings that hold next to nothing get all that the engine has, in order, once, from anywhere") {
  const char* const given = std::getenv("SLUICE_TEST_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  // Rings that ran over between an engine's answer and its judgement.
  if (given == nullptr)
    for (const std::uint64_t found : {2414643934, 2414643966}) run(found, 1500);
  const int runs = given != nullptr ? 1 : 60;
  for (int count = 0; count != runs; ++count) {
    run(first + static_cast<std::uint64_t>(count), 1500);
  }
}
