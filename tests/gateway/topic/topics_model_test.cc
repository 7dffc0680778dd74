// Model fuzz: random operations on two sources, their replicas on two workers, and subscribers of one or several
// topics and views, against a model that remembers every event for ever.
// The invariant: what a subscriber got explains the model's sequence exactly. Every event of its topics after its
// position was delivered once, in order, or lies in a gap that was announced before the next one; and at any moment
// the last id that it saw is enough to go on from, on another worker.
// SLUICE_TEST_SEED=… repeats a run.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gateway/topic/cursor.h"
#include "gateway/topic/gap.h"
#include "gateway/topic/merge.h"
#include "gateway/topic/start.h"
#include "proto/sse.h"
#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Replicas;
using topic::Sequence;
using topic::Wish;

namespace {

struct ModelEvent {
  std::string topic;
  Sequence sequence;
};
using Model = std::vector<ModelEvent>;  // of one source

struct World {
  explicit World(std::uint64_t seed) : random(seed) {
    topic::History history;
    history.entries = pick(2, 30);
    history.bytes = pick(1, 3) * 2000;
    history.bytes_total = pick(1, 4) * 3000;
    history.age = 20s;
    history.linger = 30s;
    for (const char* name : {"s", "t"}) sources.push_back(std::make_unique<Replicas>(history, 2, name));
    models.resize(sources.size());
  }
  std::size_t pick(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(random);
  }

  std::mt19937_64 random;
  std::vector<std::unique_ptr<Replicas>> sources;
  std::vector<Model> models;  // by source
};

struct Ref {
  std::size_t source;
  std::string name;
  Sequence done = 0;  // every event of it up to here was delivered, or its loss announced
};

// One subscriber: reads a cursor or a merge as a stream does, parses the bytes as a client does, and checks.
class Client final : private topic::Subscriber, private proto::sse::ParserVisitor {
 public:
  Client(World& world, std::size_t worker, std::vector<Ref> refs, const std::string& last_event_id)
      : world_(world), worker_(worker), refs_(std::move(refs)), id_(last_event_id) {
    open();
  }
  ~Client() { leave(); }

  void read(std::size_t room) {
    ByteBuffer out;
    if (merge_) {
      merge_->render(room, out);
    } else {
      announce_gap();
      const std::size_t own = std::min(room, text_.size());
      const bool finish = !cursor_.at_boundary();
      if (!finish) {
        out.append(std::string_view(text_).substr(0, own));
        text_.erase(0, own);
        room -= own;
      }
      const std::size_t size = std::min<std::uint64_t>(room, finish ? cursor_.pinned_rest() : cursor_.pending());
      if (text_.empty() || finish) cursor_.read(out.extend(size));
    }
    REQUIRE(parser_.feed(out.text()).has_value());
    awake_ = pending();
  }
  void read_all() {
    while (pending()) read(1'000'000);
    for (const Ref& ref : refs_) expect_none(ref, topics(ref).applied());
  }
  // Somebody must have told it that there is something to read.
  void check_awake() const { CHECK((awake_ || !pending())); }
  [[nodiscard]] const std::string& last_event_id() const { return id_; }
  [[nodiscard]] std::vector<Ref> refs() const { return refs_; }
  [[nodiscard]] std::size_t worker() const { return worker_; }

  // At any cut, the id stands for exactly what was delivered or announced.
  void check_id() const {
    for (const Ref& ref : refs_) {
      const auto sequence = position_of(ref, id_);
      REQUIRE(sequence);
      expect_none(ref, *sequence);
    }
  }

 private:
  [[nodiscard]] topic::Topics& topics(const Ref& ref) const { return *world_.sources[ref.source]->topics[worker_]; }
  [[nodiscard]] std::optional<Sequence> position_of(const Ref& ref, const std::string& id) const {
    const auto parts = proto::parse_event_id(id);
    REQUIRE(parts.has_value());
    for (const proto::IdPart& part : *parts)
      if (part.name.empty() || part.name == topics(ref).source())
        return topics(ref).format().sequence_of(part.position);
    return {};
  }
  // No event of this topic in (done, through].
  void expect_none(const Ref& ref, Sequence through) const {
    for (const ModelEvent& event : world_.models[ref.source]) {
      if (event.sequence <= ref.done || event.sequence > through || !topic::matches(ref.name, event.topic)) continue;
      FAIL("lost without a word: " << event.topic << " " << event.sequence << " of " << ref.name << " done " << ref.done
                                   << " id " << id_);
    }
  }

  void open() {
    std::vector<topic::TopicLog*> logs;
    std::vector<Wish> wishes;
    for (Ref& ref : refs_) {
      Replicas& replicas = *world_.sources[ref.source];
      topic::TopicLog* log =
          topic::is_pattern(ref.name) ? &topics(ref).join_view(ref.name, replicas.now) : topics(ref).join(ref.name);
      if (log == nullptr) {
        REQUIRE(replicas.home->open(ref.name, replicas.now));
        replicas.deliver(worker_);
        log = topics(ref).join(ref.name);
      }
      REQUIRE(log != nullptr);
      logs.push_back(log);
      if (id_.empty()) {
        wishes.push_back({.kind = Wish::Kind::now});
      } else {
        const auto sequence = position_of(ref, id_);
        REQUIRE(sequence);
        ref.done = *sequence;
        wishes.push_back({.kind = Wish::Kind::position, .position = replicas.position(*sequence)});
        if (tests::asks_home(topics(ref), *log, wishes.back())) replicas.deliver(worker_);
        REQUIRE_FALSE(tests::asks_home(topics(ref), *log, wishes.back()));
      }
    }
    const bool fresh = id_.empty();
    std::map<std::size_t, Sequence> positions;
    std::vector<topic::Start> starts;
    for (std::size_t index = 0; index != refs_.size(); ++index) {
      starts.push_back(tests::start_in(topics(refs_[index]), *logs[index], wishes[index]));
      if (fresh) refs_[index].done = starts.back().after;
      positions[refs_[index].source] = refs_[index].done;
    }
    if (refs_.size() == 1) {
      cursor_.join(*logs[0], starts[0].next, starts[0].after, *this);
      id_ = world_.sources[refs_[0].source]->position(refs_[0].done);
      if (starts[0].gap) append_gap(*starts[0].gap, {}, id_, starts[0].after);
    } else {
      merge_ = std::make_unique<topic::Merge>(static_cast<topic::Subscriber&>(*this));
      for (std::size_t index = 0; index != refs_.size(); ++index)
        tests::add_topic(*merge_, topics(refs_[index]), *logs[index], starts[index],
                         world_.sources[refs_[index].source]->position(positions[refs_[index].source]));
      id_ = merge_->id();
    }
    parser_.set_last_event_id(id_);
    awake_ = true;
  }
  void leave() {
    const auto now = world_.sources[0]->now;
    if (merge_) merge_->leave(now);
    if (topic::TopicLog* log = cursor_.log(); log != nullptr) {
      cursor_.leave();
      topics(refs_[0]).leave(*log, now);
    }
  }
  [[nodiscard]] bool pending() const {
    if (merge_) return merge_->pending();
    return !text_.empty() || cursor_.has_gap() || cursor_.pending() != 0;
  }
  void announce_gap() {
    if (!cursor_.has_gap() || !cursor_.at_boundary() || !text_.empty()) return;
    const std::string from = world_.sources[refs_[0].source]->position(cursor_.sequence());
    const std::uint64_t lost = cursor_.skip_gap();
    append_gap(topic::GapReason::slow_consumer, lost, from, cursor_.log()->evicted_through());
  }
  void append_gap(topic::GapReason reason, std::optional<std::uint64_t> count, const std::string& from, Sequence to) {
    const std::string last = world_.sources[refs_[0].source]->position(to);
    topic::append_gap(text_, {.topic = refs_[0].name, .from = from, .to = last, .count = count, .reason = reason},
                      last);
  }

  void on_touched() override { awake_ = true; }
  void on_event(const proto::sse::EventView& event) override {
    id_ = event.last_event_id;
    if (event.type == "sluice.gap") return on_gap(std::string(event.data));
    const std::string data(event.data.substr(0, event.data.find(' ')));  // "s/a#12 xxxx"
    const std::string name = data.substr(0, data.find('#'));
    const Sequence sequence = std::stoull(data.substr(data.find('#') + 1));
    for (Ref& ref : refs_) {
      if (world_.sources[ref.source]->shared->name != name.substr(0, 1) || !topic::matches(ref.name, name)) continue;
      if (sequence <= ref.done) FAIL("repeated or out of order: " << data << " after " << ref.done);
      expect_none(ref, sequence - 1);
      ref.done = sequence;
      CHECK(position_of(ref, id_) == sequence);
      check_id();
      return;
    }
    FAIL("an event of a topic that was not asked for: " << data);
  }
  void on_gap(const std::string& data) {
    const auto text_after = [&](const std::string& key) {
      const std::size_t from = data.find(key) + key.size();
      return data.substr(from, data.find_first_of("\",}", from) - from);
    };
    const std::string name = text_after("\"topic\":\"");
    for (Ref& ref : refs_) {
      if (ref.name != name) continue;
      const auto to = topics(ref).format().sequence_of(text_after("\"to\":\""));
      REQUIRE(to);
      if (*to < ref.done) FAIL("a gap that goes back: " << data << " after " << ref.done);
      if (const std::string count = text_after("\"count\":");
          count != "null" && text_after("\"reason\":\"") == "slow_consumer") {
        std::size_t lost = 0;
        for (const ModelEvent& event : world_.models[ref.source])
          lost += event.sequence > ref.done && event.sequence <= *to && topic::matches(ref.name, event.topic);
        CHECK(std::to_string(lost) == count);
      }
      ref.done = *to;
      return check_id();
    }
    FAIL("a gap in a topic that was not asked for: " << data);
  }

  World& world_;
  std::size_t worker_;
  std::vector<Ref> refs_;
  std::string id_;
  topic::Cursor cursor_;
  std::unique_ptr<topic::Merge> merge_;
  std::string text_;  // gaps of a single cursor
  proto::sse::Parser parser_{*this};
  bool awake_ = true;
};

class Run {
 public:
  explicit Run(std::uint64_t seed) : world_(seed) {}

  void steps(int count) {
    for (int step = 0; step != count; ++step) {
      CAPTURE(step);
      one_step();
      for (const auto& client : clients_) client->check_awake();
    }
    deliver_all();
    for (const auto& client : clients_) client->read_all();
    clients_.clear();
    for (const auto& source : world_.sources)
      for (const auto& topics : source->topics) {
        CHECK(topics->footprint() == source->topics[0]->footprint());
        CHECK(topics->entry_count() == source->topics[0]->entry_count());
      }
    // Nobody is subscribed: everything goes with time.
    for (const auto& source : world_.sources)
      for (int second = 0; second != 200; ++second) expire(*source, 1s);
    deliver_all();
    for (const auto& source : world_.sources)
      for (const auto& topics : source->topics) {
        CHECK(topics->topic_count() == 0);
        CHECK(topics->entry_count() == 0);
        CHECK(topics->footprint() == 0);
      }
  }

 private:
  std::string any_topic(std::size_t source) {
    return world_.sources[source]->shared->name + "/" + std::string(1, static_cast<char>('a' + world_.pick(0, 4)));
  }
  void append() {
    const std::size_t source = world_.pick(0, 1);
    Replicas& replicas = *world_.sources[source];
    const std::string name = any_topic(source);
    const Sequence sequence = replicas.home->last() + 1;
    world_.models[source].push_back({name, sequence});
    replicas.append(name, name + "#" + std::to_string(sequence) + " " + std::string(world_.pick(0, 200), 'x'));
    replicas.topics[0]->wake(replicas.now);
  }
  void expire(Replicas& replicas, std::chrono::milliseconds passed) {
    replicas.now += passed;
    replicas.home->expire(replicas.now);
    for (const auto& topics : replicas.topics) topics->expire(replicas.now);
    replicas.topics[0]->wake(replicas.now);
  }
  void deliver_all() {
    for (const auto& source : world_.sources) {
      source->topics[0]->wake(source->now);
      source->deliver(1);
    }
  }
  void subscribe() {
    std::vector<Ref> refs;
    const std::size_t first = world_.pick(0, 1), last = world_.pick(first, 1);
    for (std::size_t source = first; source <= last; ++source) {
      if (world_.pick(0, 4) == 0) {
        refs.push_back({source, world_.sources[source]->shared->name + "/**", 0});
        continue;
      }
      for (std::size_t count = world_.pick(1, 3); count != 0; --count) {
        const std::string name = any_topic(source);
        if (std::ranges::none_of(refs, [&](const Ref& ref) { return ref.name == name; }))
          refs.push_back({source, name, 0});
      }
    }
    std::string id;
    if (world_.pick(0, 1) == 1) {  // from a random position
      std::vector<std::pair<std::string, std::string>> parts;
      for (std::size_t source = first; source <= last; ++source)
        parts.emplace_back(first == last ? "" : world_.sources[source]->shared->name,
                           world_.sources[source]->position(world_.pick(0, world_.sources[source]->home->last())));
      std::vector<proto::IdPartView> views;
      for (const auto& [name, position] : parts) views.push_back({name, position});
      proto::append_event_id(id, views);
    }
    clients_.push_back(std::make_unique<Client>(world_, world_.pick(0, 1), std::move(refs), id));
  }
  // A cut: whatever was half read is gone; the client comes back, perhaps to the other worker, with the id it has.
  void cut(std::unique_ptr<Client>& client) {
    client->check_id();
    const std::string id = client->last_event_id();
    std::vector<Ref> refs = client->refs();
    client.reset();
    client = std::make_unique<Client>(world_, world_.pick(0, 1), std::move(refs), id);
  }
  void one_step() {
    const std::size_t what = world_.pick(0, 99);
    if (what < 40) return append();
    if (what < 50) {
      Replicas& source = *world_.sources[world_.pick(0, 1)];
      return source.deliver(1, world_.pick(1, 20));
    }
    if (what < 55 && clients_.size() < 6) return subscribe();
    if (what < 58) {
      const auto passed = std::chrono::seconds(world_.pick(0, 2) == 0 ? world_.pick(1, 40) : 1);
      for (const auto& source : world_.sources) expire(*source, passed);
      return;
    }
    if (clients_.empty()) return;
    auto& client = clients_[world_.pick(0, clients_.size() - 1)];
    if (what < 62) {
      std::swap(client, clients_.back());
      clients_.pop_back();
    } else if (what < 68) {
      cut(client);
    } else if (what < 72) {
      client->read_all();
    } else {
      client->read(world_.pick(1, 400));
    }
  }

  World world_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

TEST_CASE("whatever happens to logs and subscribers, nothing is lost without a word, repeated or reordered") {
  const char* given = std::getenv("SLUICE_TEST_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  for (std::uint64_t seed = first; seed == first || std::chrono::steady_clock::now() < end; ++seed) {
    CAPTURE(seed);
    Run(seed).steps(1500);
    if (given != nullptr) break;
  }
}
