#include "tests/gateway/serve/conversation.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "gateway/serve/publish.h"
#include "gateway/serve/shed.h"
#include "proto/sse.h"
#include "tests/support/certificates.h"

namespace sluice::tests {

namespace {

struct Contexts {
  TestCertificates certificates;
  proto::TlsContext server = proto::TlsContext::server({.certificate = certificates.cert(), .key = certificates.key()});
  proto::TlsContext client = proto::TlsContext::client({.ca = certificates.ca()});
};
const Contexts& contexts() {
  static const Contexts made;
  return made;
}

struct EventList : proto::sse::ParserVisitor {
  explicit EventList(bool with_own) : own(with_own) {}
  void on_event(const proto::sse::EventView& event) override {
    if (own || event.type != "sluice.open")
      lines.push_back(std::string(event.type) + "|" + std::string(event.data) + "|" + std::string(event.last_event_id));
  }
  void on_retry(std::chrono::milliseconds) override {
    if (own) lines.emplace_back("retry");
  }
  void on_comment(std::string_view) override {
    if (own) lines.emplace_back("comment");
  }
  bool own;
  std::vector<std::string> lines;
};

}  // namespace

// --- Peer ----------------------------------------------------------------------------------------------------------

Peer::Peer(Conversation& story, std::uint64_t id, const PeerOptions& options)
    : story_(story),
      script_(options.transport),
      tls_(contexts().client, *this, "localhost"),
      http_(options.stream_window, options.returns_window),
      connection_(std::make_unique<serve::Connection>(
          id, story.services, story.router, static_cast<serve::Transport&>(*this), contexts().server, "127.0.0.1:1")) {
  tls_.start();
}

std::size_t Peer::send(std::span<const std::uint8_t> bytes) {
  if (sends_++ == script_.failing_send) return 0;
  const std::size_t taken = std::min({bytes.size(), script_.piece, script_.capacity});
  if (script_.capacity != SIZE_MAX) script_.capacity -= taken;
  sent_ += taken;
  to_peer_.insert(to_peer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  return taken;
}

void Peer::on_ciphertext(std::span<const std::uint8_t> bytes) {
  to_gateway_.insert(to_gateway_.end(), bytes.begin(), bytes.end());
}

bool Peer::exchange() {
  bool moved = false;
  if (tls_.state() == proto::TlsSession::State::open)
    if (const std::string text = http_.output(); !text.empty())
      tls_.send({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  if (mute_) to_gateway_.clear();
  if (connection_ && !to_gateway_.empty()) {
    std::vector<std::uint8_t> bytes;
    bytes.swap(to_gateway_);
    bytes.resize(std::min(bytes.size(), script_.cut_after_received - received_));
    received_ += bytes.size();
    connection_->on_bytes(bytes);
    if (received_ == script_.cut_after_received && connection_) connection_->on_transport_end();
    moved = true;
  }
  if (!to_peer_.empty()) {
    std::vector<std::uint8_t> bytes;
    bytes.swap(to_peer_);
    ByteBuffer plaintext;
    tls_.receive(bytes, plaintext);
    if (!plaintext.empty() && !http_.receive(plaintext.text())) broken = true;
    moved = true;
  }
  if (connection_ && sent_ >= script_.cut_after_sent) {
    script_.cut_after_sent = SIZE_MAX;
    connection_->on_transport_end();
    moved = true;
  }
  if (connection_ && !connection_->dead() && http_.finished()) {
    connection_->on_transport_end();  // a client that has nothing left after a GOAWAY closes
    moved = true;
  }
  if (connection_ && awaits_writable_ && script_.capacity != 0) {
    awaits_writable_ = false;
    connection_->on_writable();
    moved = true;
  }
  return moved;
}

StreamId Peer::get(std::string_view path, test::Fields more) { return request("GET", path, std::move(more)); }

StreamId Peer::request(std::string_view method, std::string_view path, test::Fields more, std::string body) {
  const StreamId id = http_.request(test::request(method, path, std::move(more)), std::move(body));
  story_.run();
  return id;
}

StreamId Peer::post_open(std::string_view path, std::string part) {
  const StreamId id = http_.request_open(test::post(path), std::move(part));
  story_.run();
  return id;
}

void Peer::finish_post(StreamId id) {
  http_.finish_body(id);
  story_.run();
}

void Peer::reset(StreamId id) {
  http_.reset(id, NGHTTP2_CANCEL);
  story_.run();
}

void Peer::say(const std::vector<std::string>& records) {
  for (const std::string& record : records) {
    tls_.send({reinterpret_cast<const std::uint8_t*>(record.data()), record.size()});
    connection_->on_bytes(std::exchange(to_gateway_, {}));
  }
  story_.run();
}

void Peer::give_window(StreamId id, std::int32_t bytes) {
  http_.give_window(id, bytes);
  story_.run();
}

void Peer::make_room(std::size_t bytes) {
  script_.capacity = bytes;
  story_.run();
}

void Peer::cut() {
  if (connection_) connection_->on_transport_end();
  story_.run();
}

std::string Peer::field(StreamId id, std::string_view name) {
  return std::string(proto::find_field(response(id).fields, name));
}

std::vector<std::string> Peer::events(StreamId id, bool own) {
  EventList list(own);
  proto::sse::Parser parser(list);
  REQUIRE(parser.feed(response(id).body).has_value());
  return list.lines;
}

std::string Peer::last_event_id(StreamId id) {
  EventList list(true);
  proto::sse::Parser parser(list);
  REQUIRE(parser.feed(response(id).body).has_value());
  return parser.last_event_id();
}

// --- Conversation --------------------------------------------------------------------------------------------------

config::Config Conversation::default_config() {
  config::Config config;
  config.zero_configuration = true;
  config.access_log = false;
  config.cors_origins = {"https://app.example.com"};
  for (const char* name : {"notes", "more"}) {
    config::Source source;
    source.name = name;
    source.url = "publish:";
    config.sources.push_back(source);
    config::Route route;
    route.path = "/" + std::string(name) + "/**";
    route.source = name;
    config.routes.push_back(route);
  }
  config::Route all;
  all.path = "/all";
  all.topics = {"notes/**", "more/**"};
  config.routes.push_back(all);
  return config;
}

Conversation::Conversation(config::Config configuration)
    : config(std::move(configuration)),
      rules(config),
      services(config, metrics.worker(0), *this, load_state),
      router(rules, services) {
  services.now = std::chrono::steady_clock::now();  // by hand from here
  services.random.seed(1);
  std::uint32_t opening = 1;
  for (const config::Source& source : config.sources) {
    topic::History history;
    history.entries = source.history.entries;
    history.bytes = source.history.bytes;
    history.age = source.history.age;
    history.keys = source.history.keys;
    history.keyed = true;
    history.snapshot = source.snapshot;
    auto shared = std::make_shared<topic::SharedSource>(source.name, proto::Epoch::from_random(opening++));
    shared->whole = true;
    services.topics.push_back(std::make_unique<topic::Topics>(std::move(shared), history));
    homes.push_back(std::make_unique<topic::Home>(static_cast<topic::SourceIndex>(homes.size()),
                                                  *services.topics.back(), history, config.limits.topics,
                                                  [](const topic::Message&) {}));
    givens_.push_back(std::make_unique<SourceContext>(source.url, source.name));
    sources_.push_back(source::make_source(givens_.back()->context(*homes.back())));
    sources_.back()->start(services.now);
  }
}

Conversation::~Conversation() {
  for (const auto& peer : peers) peer->connection_.reset();
}

Peer& Conversation::connect(const PeerOptions& options) {
  peers.push_back(std::make_unique<Peer>(*this, peers.size() + 1, options));
  run();
  return *peers.back();
}

std::string Conversation::publish(const std::string& topic, std::string data, std::string type, std::string key) {
  for (std::size_t index = 0; index != homes.size(); ++index) {
    topic::Topics& topics = *services.topics[index];
    if (!topic.starts_with(topics.source() + "/")) continue;
    const auto opened = homes[index]->open(topic, services.now);
    REQUIRE(opened);
    const auto sequence = homes[index]->append(
        *opened, {.type = std::move(type), .data = std::move(data), .key = std::move(key)}, services.now);
    run();
    return topics.format().text_of(sequence).value_or("");
  }
  FAIL("no source for " << topic);
  return {};
}

void Conversation::answer_publishes() {
  for (const serve::StreamAddress asker : unanswered)
    if (auto* stream = find<serve::PublishStream>(asker)) stream->on_published({.positions = {"late.1"}});
  run();
}

void Conversation::pass(std::chrono::seconds time) {
  for (; time.count() > 0; --time) {
    services.now += std::chrono::seconds(1);
    for (const auto& peer : peers)
      if (peer->connection_) peer->connection_->on_time();
    if (const std::uint64_t excess = load_state.memory_excess.load(); excess != 0) {
      std::vector<serve::Connection*> connections;
      for (const auto& peer : peers)
        if (peer->connection_) connections.push_back(peer->connection_.get());
      serve::shed_memory(connections, excess);
    }
    for (const auto& topics : services.topics) topics->expire(services.now);
    for (const auto& home : homes) home->expire(services.now);
    run();
  }
}

void Conversation::drain() {
  services.draining = true;
  for (const auto& peer : peers)
    if (peer->connection_) peer->connection_->drain();
  run();
}

void Conversation::run() {
  for (int rounds = 0, quiet = 0; quiet != 2; ++rounds) {
    REQUIRE(rounds < 1'000'000);
    bool moved = false;
    for (std::size_t index = 0; index != peers.size(); ++index) moved = peers[index]->exchange() || moved;
    turn();
    quiet = moved || !services.dirty.empty() ? 0 : quiet + 1;
  }
}

// As a worker's turn ends.
void Conversation::turn() {
  for (const auto& [address, result] : std::exchange(refused_, {}))
    if (auto* stream = find<serve::EventStream>(address)) stream->on_open_result(result);
  for (Answer& answer : std::exchange(answers_, {}))
    if (auto* stream = find<serve::EventStream>(answer.asker)) stream->on_page(answer.part, std::move(answer.page));
  for (const serve::StreamAddress address : std::exchange(services.complete_bodies, {}))
    if (auto* stream = find<serve::PublishStream>(address)) stream->go_on();
  services.parsed_bytes = 0;
  for (const auto& topics : services.topics) topics->wake(services.now);
  for (const serve::StreamAddress address : std::exchange(opening_, {}))
    if (auto* stream = find<serve::EventStream>(address); stream != nullptr && !stream->try_open())
      opening_.push_back(address);
  for (serve::Connection* connection : std::exchange(services.dirty, {})) connection->flush();
  for (const auto& peer : peers)
    if (peer->connection_ && peer->connection_->dead()) peer->connection_.reset();
}

void Conversation::check_nothing_left() {
  for (const auto& peer : peers) peer->cut();
  CHECK(services.streams == 0);
  CHECK(services.metrics.streams.value() == 0);
  CHECK(services.metrics.body_bytes.value() == 0);
  CHECK(services.dirty.empty());
  run();
  CHECK(opening_.empty());
  // A topic or view that somebody still holds is not removed.
  pass(std::chrono::seconds(1));
  services.now += config.sources.front().history.age + topic::History().linger + std::chrono::seconds(1);
  pass(std::chrono::seconds(2));
  for (const auto& topics : services.topics) {
    CHECK((topics->topic_count() == 0 || topics->snapshots()));  // whose values outlive their ring
    CHECK(topics->footprint() == 0);
  }
}

template <typename StreamType>
StreamType* Conversation::find(serve::StreamAddress address) {
  Peer& peer = *peers[address.connection - 1];
  return peer.connection_ ? dynamic_cast<StreamType*>(peer.connection_->find(address.stream)) : nullptr;
}

void Conversation::open(topic::SourceIndex source, const std::string& topic, serve::StreamAddress asker) {
  sources_[source]->open(topic, services.now, [&](topic::OpenResult result) {
    if (result != topic::OpenResult::opened) refused_.emplace_back(asker, result);
  });
}

void Conversation::read(topic::SourceIndex source, topic::ReadRequest&& request, serve::StreamAddress asker,
                        std::size_t part) {
  sources_[source]->read(request, {}, [this, asker, part](topic::PagePtr page) {
    answers_.push_back({asker, part, std::move(page)});
  });
}

void Conversation::publish(topic::SourceIndex source, const std::string& topic, std::vector<topic::Event> events,
                           serve::StreamAddress asker) {
  if (silent_home) return unanswered.push_back(asker);
  if (full_mailbox) {
    if (auto* stream = find<serve::PublishStream>(asker))
      stream->on_published({.kind = topic::PublishResult::Kind::busy});
    return;
  }
  sources_[source]->publish(topic, std::move(events), services.now, [&](const topic::PublishResult& result) {
    if (auto* stream = find<serve::PublishStream>(asker)) stream->on_published(result);
  });
}

}  // namespace sluice::tests
