// Http1Response: reads one response of an HTTP/1.1 connection as a pure machine over Beast's parser (RFC 9112): bytes
// in; head, body and end out. Owned by Http1Client, which makes one for each request.
// Flow: feed()… → on_head → on_body()… → complete(), or an error, after which nothing more may be fed.
// Stricter than Beast, because what two readers understand differently is how responses are forged: no folded lines, no
// bare LF, no transfer coding but `chunked`, never beside a content-length. 1xx are skipped.
// Invariant: a head, and the line before a chunk, are parsed when they are there whole: how the bytes were cut never
// changes what they mean.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "proto/http.h"

namespace sluice::proto {

struct Http1Limits {
  std::size_t header_bytes_max = 32 * 1024;  // of a head with its line ends; of a chunk's line; of the trailers
  std::size_t fields_max = 100;              // of a head
  unsigned interim_max = 16;                 // responses 1xx before the final one
};

// What Beast lets through, or does not know of; its own errors ("bad chunk") come as they are.
enum class Http1Error : std::uint8_t {
  not_http1 = 1,
  header_too_large,
  too_many_fields,
  bare_line_feed,
  folded_line,
  ambiguous_length,
  unknown_coding,
  unasked_upgrade,
  too_many_interim,
  chunk_line_too_long,
  no_answer,
  cut,
};
[[nodiscard]] boost::system::error_code make_error_code(Http1Error error);

class Http1Response {
 public:
  // A callback must not call its response.
  class Visitor {
   public:
    virtual void on_head(ResponseHead&& head, bool end) = 0;
    virtual void on_body(std::span<const std::uint8_t> bytes) = 0;

   protected:
    ~Visitor() = default;
  };

  // `to_head`: the answer to a HEAD, which has no body whatever its head says (RFC 9112 §6.3).
  Http1Response(Visitor& visitor, const Http1Limits& limits, bool to_head);
  ~Http1Response();
  Http1Response(const Http1Response&) = delete;
  Http1Response& operator=(const Http1Response&) = delete;

  // How many of the bytes are this response's: all of them, unless it is complete.
  [[nodiscard]] boost::system::result<std::size_t> feed(std::span<const std::uint8_t> bytes);
  // The transport ended in good order. An error, unless the response is complete without more.
  [[nodiscard]] boost::system::result<void> end();

  [[nodiscard]] bool complete() const;
  // Another request may follow on the connection. Known when it is complete.
  [[nodiscard]] bool keep_alive() const;

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace sluice::proto

template <>
struct boost::system::is_error_code_enum<sluice::proto::Http1Error> : std::true_type {};
