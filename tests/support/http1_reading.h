// Http1Reading: what one HTTP/1.1 response was read as, in a form that a test can compare and a person can read, and
// the reading of it in pieces of any size. Used by the tests and the fuzz target of proto/http1_response.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "proto/http1_response.h"

namespace sluice::test {

inline std::span<const std::uint8_t> octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Http1Reading {
  std::string head;  // "200 type=text/plain x=1", with an LF at its end when no body follows; empty: none came
  std::string body;
  bool complete = false, keep_alive = false;
  std::size_t rest = 0;  // bytes behind the response
  std::string error;
  friend bool operator==(const Http1Reading&, const Http1Reading&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Http1Reading& reading) {
    return out << '{' << reading.head << "} {" << reading.body << "} " << (reading.complete ? "complete" : "open")
               << (reading.keep_alive ? ", kept alive" : "") << ", rest " << reading.rest << ", " << reading.error;
  }
};

// `piece_size(n)`: the bytes of the n-th piece, at least 1. `ended`: the transport then ends in good order.
template <class PieceSize>
Http1Reading read_http1(std::string_view bytes, PieceSize piece_size, bool ended = false, bool to_head = false,
                        const proto::Http1Limits& limits = {}) {
  struct Witness final : proto::Http1Response::Visitor {
    void on_head(proto::ResponseHead&& head, bool end) override {
      reading.head += std::to_string(head.status);
      for (const proto::Field& field : head.fields) reading.head += ' ' + field.name + '=' + field.value;
      if (end) reading.head += '\n';
    }
    void on_body(std::span<const std::uint8_t> piece) override {
      reading.body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    Http1Reading reading;
  } witness;
  Http1Reading& reading = witness.reading;
  proto::Http1Response response(witness, limits, to_head);
  for (std::size_t n = 0; !bytes.empty() && !response.complete(); ++n) {
    const std::string_view piece = bytes.substr(0, piece_size(n));
    const auto taken = response.feed(octets(piece));
    if (!taken) {
      reading.error = taken.error().message();
      return reading;
    }
    bytes.remove_prefix(*taken);
  }
  reading.rest = bytes.size();
  if (ended)
    if (const auto end = response.end(); !end) reading.error = end.error().message();
  reading.complete = response.complete();
  reading.keep_alive = reading.complete && response.keep_alive();
  return reading;
}

}  // namespace sluice::test
