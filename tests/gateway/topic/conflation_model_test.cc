// Model fuzz of reading by value: random writes under keys and without, deletions, retention, readers of one topic,
// several or a wildcard, with and without a snapshot, who read at random speeds and are cut at random places.
// The invariant: within one connection no key ever goes back to an older value; whoever has read everything has the
// newest value of each key, knows which are deleted, and has had every event without a key, unless a gap said so.
// SLUICE_TEST_SEED=… repeats a run.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gateway/topic/merge.h"
#include "proto/sse.h"
#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using tests::Replicas;
using topic::Sequence;
using topic::Wish;

namespace {

// An event says in its name what it is, because one that deletes has no data.
struct Written {
  std::string topic, key;  // key empty: none
  Sequence sequence = 0;
  bool deletes = false;
};

struct World {
  explicit World(std::uint64_t seed) : random(seed) {
    topic::History history;
    history.entries = pick(2, 40);
    history.keyed = true;
    history.snapshot = pick(0, 1) == 0;
    auto shared = std::make_shared<topic::SharedSource>("s", proto::Epoch::from_random(7));
    shared->whole = true;
    replicas = std::make_unique<Replicas>(history, 1, shared);
    for (const char* name : {"s/a", "s/b", "s/c"}) (void)replicas->home->open(name, replicas->now);
  }
  std::size_t pick(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(random);
  }
  void write() {
    Written event{.topic = std::string("s/") + static_cast<char>('a' + pick(0, 2)),
                  .key = pick(0, 5) == 0 ? "" : "k" + std::to_string(pick(0, 4)),
                  .sequence = replicas->home->last() + 1,
                  .deletes = pick(0, 9) == 0};
    if (event.key.empty()) event.deletes = false;
    const std::string name = event.topic + "|" + event.key + "|" + std::to_string(event.sequence);
    replicas->home->append(*replicas->home->open(event.topic, replicas->now),
                           {.type = name, .data = event.deletes ? "" : "x", .key = event.key}, replicas->now);
    events.push_back(std::move(event));
  }

  std::mt19937_64 random;
  std::unique_ptr<Replicas> replicas;
  std::vector<Written> events;
};

class Reader final : private topic::Subscriber, private proto::sse::ParserVisitor {
 public:
  explicit Reader(World& world) : world_(world) {
    switch (world.pick(0, 2)) {
      case 0:
        names_ = {"s/a"};
        break;
      case 1:
        names_ = {"s/a", "s/b", "s/c"};
        break;
      default:
        names_ = {"s/**"};
    }
    begun_ = world.replicas->home->last();
    lag_ = world.pick(1, 12);
    connect({});
  }
  ~Reader() { disconnect(); }
  void reconnect() {
    disconnect();
    connect(last_id_);
  }
  // True: something came.
  bool read(std::size_t room) {
    if (!merge_->pending()) return false;
    ByteBuffer out;
    merge_->render(room, out);
    REQUIRE(parser_->feed(out.text()).has_value());
    return true;
  }
  void check_state() {
    while (read(1000)) {
    }
    for (const Written& event : world_.events) {
      if (!wants(event.topic) || lost_) continue;
      const bool asked = snapshot_ ? !event.key.empty() || event.sequence > begun_ : event.sequence > begun_;
      if (!asked) continue;
      CAPTURE(event.topic);
      CAPTURE(event.key);
      CAPTURE(event.sequence);
      if (!event.key.empty() || world_.replicas->history.snapshot) {
        const auto seen = newest_.find({event.topic, event.key});
        // Nobody has to hear of a key that was gone before he came.
        if (seen == newest_.end() && snapshot_ && newest_is_gone(event)) continue;
        REQUIRE(seen != newest_.end());
        CHECK(seen->second >= event.sequence);
      } else {
        CHECK(plain_.contains(event.sequence));
      }
    }
  }

 private:
  void on_touched() override {}
  bool wants(const std::string& topic) const { return names_.front() == "s/**" || std::ranges::count(names_, topic); }
  bool newest_is_gone(const Written& of) const {
    bool gone = false;
    for (const Written& event : world_.events)
      if (event.topic == of.topic && event.key == of.key) gone = event.deletes;
    return gone;
  }
  void connect(const std::string& id) {
    topic::Topics& topics = *world_.replicas->topics[0];
    merge_ = std::make_unique<topic::Merge>(static_cast<topic::Subscriber&>(*this));
    merge_->conflate_above(lag_);
    std::vector<topic::TopicLog*> logs;
    for (const std::string& name : names_) {
      topic::TopicLog* log =
          topic::is_pattern(name) ? &topics.join_view(name, world_.replicas->now) : topics.join(name);
      REQUIRE(log != nullptr);
      topics.keep_newest(*log);
      logs.push_back(log);
    }
    Wish wish;
    if (!id.empty()) wish = {.kind = Wish::Kind::position, .position = id};
    topic::PartStart start = topic::find_start(topics, logs, wish, true);
    const bool snapshot = topics.snapshots() && (id.empty() || start.loss());
    if (snapshot) start = topic::find_start(topics, logs, {}, true);
    snapshot_ = snapshot_ || snapshot;
    // Between a first connection without a snapshot and its first id nothing is promised.
    if (id.empty() && !snapshot) begun_ = world_.replicas->home->last();
    if (snapshot) newest_.clear();  // it replaces what was known
    merge_->add(topics, logs, start, snapshot ? "" : id.empty() ? start.position : id);
    if (snapshot)
      for (const topic::TopicLog* log : logs) merge_->begin_with(*log, topics.snapshot(*log));
    if (!snapshot) last_id_ = merge_->id();
    parser_ = std::make_unique<proto::sse::Parser>(static_cast<proto::sse::ParserVisitor&>(*this));
    if (!last_id_.empty()) parser_->set_last_event_id(last_id_);
    seen_here_.clear();
  }
  void disconnect() {
    merge_->leave(world_.replicas->now);
    merge_.reset();
  }
  void on_event(const proto::sse::EventView& event) override {
    last_id_ = event.last_event_id;
    if (event.type == "sluice.gap") {
      CHECK_FALSE(snapshot_);  // the newest of each key is known for ever
      lost_ = true;
    }
    if (event.type.starts_with("sluice.")) return;
    const std::string name(event.type);
    const std::size_t first = name.find('|'), second = name.rfind('|');
    const std::pair key(name.substr(0, first), name.substr(first + 1, second - first - 1));
    const Sequence sequence = std::stoull(name.substr(second + 1));
    Sequence& here = seen_here_[key];
    CHECK(here < sequence);
    here = sequence;
    if (key.second.empty()) plain_.insert(sequence);
    newest_[key] = sequence;
  }
  void on_retry(std::chrono::milliseconds) override {}
  void on_comment(std::string_view) override {}

  World& world_;
  std::vector<std::string> names_;
  Sequence begun_ = 0;
  std::uint64_t lag_ = 0;
  std::unique_ptr<topic::Merge> merge_;
  std::unique_ptr<proto::sse::Parser> parser_;
  std::string last_id_;
  std::map<std::pair<std::string, std::string>, Sequence> newest_, seen_here_;
  std::set<Sequence> plain_;
  bool lost_ = false, snapshot_ = false;
};

void run(std::uint64_t seed) {
  World world(seed);
  std::vector<std::unique_ptr<Reader>> readers;
  for (int step = 0; step != 400; ++step) {
    const std::size_t what = world.pick(0, 99);
    if (what < 60) {
      world.write();
      world.replicas->topics[0]->wake(world.replicas->now);
    } else if (what < 64 && readers.size() < 6) {
      readers.push_back(std::make_unique<Reader>(world));
    } else if (!readers.empty() && what < 70) {
      readers[world.pick(0, readers.size() - 1)]->reconnect();
    } else if (!readers.empty() && what < 72) {
      readers[world.pick(0, readers.size() - 1)]->check_state();
    } else if (!readers.empty()) {
      (void)readers[world.pick(0, readers.size() - 1)]->read(world.pick(1, 200));
    }
  }
  for (const auto& reader : readers) reader->check_state();
}

}  // namespace

TEST_CASE("model: by value nobody goes back, and who has read everything has the newest of everything") {
  if (const char* chosen = std::getenv("SLUICE_TEST_SEED")) return run(std::stoull(chosen));
  std::random_device entropy;
  for (int count = 0; count != 300; ++count) {
    const std::uint64_t seed = entropy();
    CAPTURE(seed);
    run(seed);
  }
}
