// Conversation: a gateway of one worker in memory, without sockets or threads: the real router, connections, topics and
// publish sources, a clock set by hand, and peers that are real TLS and HTTP/2 clients over a transport whose every
// send may be refused, shortened or cut.
//   Conversation story;
//   Peer& browser = story.connect();
//   const auto stream = browser.get("/notes/a");     story.publish("notes/a", "hello");
//   CHECK(browser.events(stream) == …);
// Invariant: after each of its calls every byte that may travel has arrived, on both sides.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/serve/connection.h"
#include "gateway/serve/router.h"
#include "gateway/serve/services.h"
#include "gateway/source/source.h"
#include "proto/tls.h"
#include "tests/support/http2_peer.h"
#include "tests/support/source_context.h"

namespace sluice::tests {

using proto::StreamId;

// What the transport under a connection does, seen from the gateway.
struct TransportScript {
  std::size_t capacity = SIZE_MAX;            // bytes that it takes before it is full; set again to make room
  std::size_t piece = SIZE_MAX;               // bytes that one send takes
  std::size_t failing_send = SIZE_MAX;        // this send (counted from 0) takes nothing
  std::size_t cut_after_sent = SIZE_MAX;      // the connection is cut when so many bytes have gone to the peer
  std::size_t cut_after_received = SIZE_MAX;  // … have come from the peer
};

struct PeerOptions {
  std::uint32_t stream_window = 65'535;
  bool returns_window = true;
  TransportScript transport = {};
};

class Conversation;

class Peer final : private serve::Transport, private proto::CiphertextSink {
 public:
  Peer(Conversation& story, std::uint64_t id, const PeerOptions& options);

  // --- Requests; each is answered as far as it can be when the call returns
  StreamId get(std::string_view path, test::Fields more = {});
  StreamId request(std::string_view method, std::string_view path, test::Fields more = {}, std::string body = {});
  // A POST whose body begins so and stays open until finish_post().
  StreamId post_open(std::string_view path, std::string part = {});
  void finish_post(StreamId id);
  void reset(StreamId id);
  // Bytes that no HTTP/2 client would say, in TLS records that the gateway reads one by one within a turn.
  void say(const std::vector<std::string>& records);
  void give_window(StreamId id, std::int32_t bytes);
  // The transport has room for so many more bytes.
  void make_room(std::size_t bytes);
  // The transport fails.
  void cut();
  // From now on nothing from the peer arrives any more, and nobody says so.
  void lose_input() { mute_ = true; }

  // --- What came back
  [[nodiscard]] const test::Http2Peer::Response& response(StreamId id) { return http_.responses[id]; }
  [[nodiscard]] std::string status(StreamId id) { return std::string(response(id).status()); }
  [[nodiscard]] std::string field(StreamId id, std::string_view name);
  // The events of a stream as "type|data|id", without `sluice.open` and its like unless `own`.
  [[nodiscard]] std::vector<std::string> events(StreamId id, bool own = false);
  [[nodiscard]] std::string last_event_id(StreamId id);
  [[nodiscard]] const test::Http2Peer& http() const { return http_; }
  // The gateway's side.
  [[nodiscard]] serve::Connection& connection() { return *connection_; }
  // The gateway has closed the connection.
  [[nodiscard]] bool closed() const { return connection_ == nullptr; }
  [[nodiscard]] std::size_t sends() const { return sends_; }
  [[nodiscard]] std::size_t sent() const { return sent_; }          // bytes from the gateway
  [[nodiscard]] std::size_t received() const { return received_; }  // bytes to the gateway
  bool broken = false;                                              // bytes came that no client could read

 private:
  friend class Conversation;
  std::size_t send(std::span<const std::uint8_t> bytes) override;
  void await_writable() override { awaits_writable_ = true; }
  void on_ciphertext(std::span<const std::uint8_t> bytes) override;
  // Carries bytes both ways once. False: nothing moved.
  bool exchange();

  Conversation& story_;
  TransportScript script_;
  std::vector<std::uint8_t> to_peer_, to_gateway_;
  proto::TlsSession tls_;
  test::Http2Peer http_;
  std::unique_ptr<serve::Connection> connection_;
  std::size_t sends_ = 0, sent_ = 0, received_ = 0;
  bool awaits_writable_ = false, mute_ = false;
};

class Conversation final : private serve::Sources {
 public:
  // Sources "notes" and "more" take events by POST, at /notes/** and /more/**; /all is a stream over both.
  [[nodiscard]] static config::Config default_config();
  explicit Conversation(config::Config configuration = default_config());
  ~Conversation();

  Peer& connect(const PeerOptions& options = {});
  // Appends to a topic, as a source does.
  std::string publish(const std::string& topic, std::string data, std::string type = {}, std::string key = {});
  // Time passes, a second at a time; everybody who looks at a clock does.
  void pass(std::chrono::seconds time);
  void drain();
  // What a silent home was asked is answered now.
  void answer_publishes();
  // Everything that can move does.
  void run();

  // After all peers are gone: no stream, no subscriber, no topic that somebody still holds.
  void check_nothing_left();
  [[nodiscard]] std::uint64_t hits(observe::Limit limit) { return services.metrics.limit_hits[limit].value(); }
  [[nodiscard]] std::uint64_t ended(observe::EndReason why) { return services.metrics.streams_ended[why].value(); }

  const config::Config config;
  serve::Rules rules;
  observe::Metrics metrics{1};
  load::State load_state;
  serve::Services services;
  serve::Router router;
  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<std::unique_ptr<topic::Home>> homes;
  bool silent_home = false;                      // asked to publish, it does not answer before answer_publishes()
  std::vector<serve::StreamAddress> unanswered;  // who asked a silent home
  bool full_mailbox = false;                     // a worker is behind: publishing is refused
  bool late_refusals = false;                    // which topics there are is known to open() only

 private:
  friend class Peer;
  [[nodiscard]] bool may_have(topic::SourceIndex source, std::string_view topic) const override {
    return late_refusals || sources_[source]->may_have(topic);
  }
  [[nodiscard]] bool has_wildcards(topic::SourceIndex source) const override {
    return sources_[source]->has_wildcards();
  }
  [[nodiscard]] std::size_t body_bytes() const override {
    return static_cast<std::size_t>(services.metrics.body_bytes.value());
  }
  void await_open(serve::StreamAddress asker) override { opening_.push_back(asker); }
  void open(topic::SourceIndex source, const std::string& topic, serve::StreamAddress asker) override;
  void publish(topic::SourceIndex source, const std::string& topic, std::vector<topic::Event> events,
               serve::StreamAddress asker) override;
  void read(topic::SourceIndex source, topic::ReadRequest&& request, serve::StreamAddress asker,
            std::size_t part) override;
  template <typename StreamType>
  StreamType* find(serve::StreamAddress address);
  void turn();

  struct Answer {
    serve::StreamAddress asker;
    std::size_t part;
    topic::PagePtr page;
  };
  std::vector<std::unique_ptr<SourceContext>> givens_;
  std::vector<std::unique_ptr<source::Source>> sources_;
  std::vector<Answer> answers_;  // of pages, for the next turn
  std::vector<serve::StreamAddress> opening_;
  std::vector<std::pair<serve::StreamAddress, topic::OpenResult>> refused_;
};

}  // namespace sluice::tests
