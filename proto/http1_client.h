// Http1Client: the client side of one HTTP/1.1 connection as a pure machine (RFC 9112). One request at a time: bytes
// out; bytes in, head and body out. No socket, clock or thread. Owned by HttpClient, on its thread.
//
// The common conversations, in call order:
//   a response     request() → flush() → receive() → on_head → on_body()… → on_close(0); idle() again, or finished()
//   until close    … → on_body()… → receive_end() → on_close(0), finished()
//   a slow reader  pause(): wants_input() turns false, and the owner leaves the socket unread → resume()
//   enough         abandon() → flush() → on_close(cancel), finished(): only a new connection tells the server
//   an error       receive() or receive_end() leaves an error(): destroy it, which calls on_close(protocol_error)
// A visitor may call pause(), resume() and abandon(), nothing else. Invariant: each request gets on_close exactly once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "proto/byte_buffer.h"
#include "proto/http1_response.h"
#include "proto/response_visitor.h"

namespace sluice::proto {

class Http1Client final : private Http1Response::Visitor {
 public:
  explicit Http1Client(const Http1Limits& limits = {});
  // A request under way gets on_close(cancel), after an error on_close(protocol_error).
  ~Http1Client();
  Http1Client(const Http1Client&) = delete;
  Http1Client& operator=(const Http1Client&) = delete;

  // Only when idle(). Fields that are the connection's own (host, content-length, connection, ...) are left out of
  // `head`. One that cannot be written without becoming two (CR, LF, NUL; a blank in the path) gets
  // on_close(protocol_error) from the next flush(), and nothing is sent. `response` outlives the request.
  void request(StreamId id, const Request& head, ResponseVisitor& response, const std::string& body = {});
  void abandon();
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }

  void receive(std::span<const std::uint8_t> bytes);
  // The peer will send nothing more, and said so (FIN; over TLS close_notify, RFC 9112 §9.8).
  void receive_end();
  // Appends what is queued: of a large body a piece, and the next one the next time.
  void flush(ByteBuffer& out);

  [[nodiscard]] bool wants_flush() const { return unsent_offset_ < unsent_.size(); }
  // A request may follow. Not while a response is under way, nor once finished().
  [[nodiscard]] bool idle() const { return response_ == nullptr && !finished_ && !error_; }
  [[nodiscard]] bool busy() const { return response_ != nullptr; }
  [[nodiscard]] StreamId stream() const { return id_; }  // of the request under way
  [[nodiscard]] bool wants_input() const { return !paused_ || response_ == nullptr; }
  // In good order: no other request can follow on this connection.
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] const std::optional<ConnectionError>& error() const { return error_; }

 private:
  void on_head(ResponseHead&& head, bool end) override;
  void on_body(std::span<const std::uint8_t> bytes) override;
  void finish();
  void close(ErrorCode code);
  void fail(const boost::system::error_code& error);

  const Http1Limits limits_;
  ResponseVisitor* response_ = nullptr;  // of the request under way
  StreamId id_ = 0;
  std::string unsent_;  // of the request under way: from unsent_offset_ on
  std::size_t unsent_offset_ = 0;
  std::optional<Http1Response> reader_;  // from the moment the request was sent
  std::optional<ConnectionError> error_;
  bool to_head_ = false, unwritable_ = false, abandoned_ = false, paused_ = false, finished_ = false;
};

}  // namespace sluice::proto
