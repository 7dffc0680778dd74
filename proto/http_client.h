// HttpClient: the client side of one connection whose protocol its handshake chooses: requests wait in it, then go to
// an Http2Client, which all share, or to an Http1Client, one after the other. Pure. Owned by client/client_connection,
// on its thread; one for each connection.
// Flow: request()… → choose() → flush() → receive() → the request's visitor. An HTTP/1.1 connection that is finished()
// leaves requests behind that were never sent: take_waiting() → adopt() by the next one, under the same ids.
// A visitor may call request(), reset(), pause() and resume(), never the others or the destructor.
// Invariant: a request that is not taken away gets on_close exactly once, at the latest from ~.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/byte_buffer.h"
#include "proto/http1_client.h"
#include "proto/http2_client.h"

namespace sluice::proto {

class HttpClient {
 public:
  enum class Protocol : std::uint8_t { undecided, http1, http2 };
  struct Options {
    Http1Limits http1;
    Http2ClientOptions http2;
  };
  struct WaitingRequest {
    StreamId id = 0;
    Request head;
    ResponseVisitor* response = nullptr;
    std::string body;
    bool paused = false;
  };
  using WaitingRequests = std::list<WaitingRequest>;  // a deque holds 600 bytes when it is empty

  // `visitor` outlives it.
  HttpClient(const Options& options, Http2ClientVisitor& visitor);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `response` outlives the request. Ids are those of HTTP/2 streams (1, 3, 5, ...), whatever the protocol.
  StreamId request(const Request& head, ResponseVisitor& response, std::string body = {});
  // The visitor's on_close(cancel) comes from the next flush(). Over HTTP/1.1 that ends the connection, if the request
  // was sent.
  void reset(StreamId id);
  void pause(StreamId id);
  void resume(StreamId id);
  // Tells the peer that we are leaving, where the protocol can.
  void goaway();
  // Asks the peer for a sign of life, where the protocol can: the answer calls the visitor's on_pong().
  void ping();

  // Once.
  void choose(Protocol protocol);
  void receive(std::span<const std::uint8_t> bytes);
  // The peer has ended the connection, and said so.
  void receive_end();
  void flush(ByteBuffer& out);
  // A body was too large for one flush(): call it again when its bytes are out.
  [[nodiscard]] bool wants_flush() const { return http1_ && http1_->wants_flush(); }

  // The requests that were never sent. None over HTTP/2: there it is the peer who says which it has not seen.
  [[nodiscard]] WaitingRequests take_waiting();
  // Before the first request().
  void adopt(WaitingRequests waiting);

  [[nodiscard]] Protocol protocol() const { return protocol_; }
  // False: a reader is slow, and the socket shall be left unread.
  [[nodiscard]] bool wants_input() const { return !http1_ || http1_->wants_input(); }
  // In good order: the transport may be closed.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] const std::optional<ConnectionError>& error() const;
  // Requests that are answered or wait for it.
  [[nodiscard]] std::size_t stream_count() const;

 private:
  WaitingRequests::iterator find_waiting(StreamId id);

  const Options options_;
  Http2ClientVisitor& visitor_;
  Protocol protocol_ = Protocol::undecided;
  StreamId next_id_ = 1;
  WaitingRequests waiting_;              // empty once HTTP/2 was chosen
  std::vector<WaitingRequest> dropped_;  // of these, the ones that were reset
  std::unique_ptr<Http1Client> http1_;
  std::unique_ptr<Http2Client> http2_;
};

}  // namespace sluice::proto
