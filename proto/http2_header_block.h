// HeaderBlock: the fields of one header block on their way to a Request, every one counted, kept or not
// (CVE-2026-49975, CVE-2026-47774). Pure; lives in the session from HEADERS to END_HEADERS.
// It never stores beyond the limits: over one, the block is answered with a status, far over one it is cut off.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/http.h"
#include "proto/http2_server.h"

namespace sluice::proto {

class HeaderBlock {
 public:
  enum class Kind : std::uint8_t { request, trailers };
  enum class Verdict : std::uint8_t {
    ok,
    excessive,  // four times a limit: decoding further fields is work for an attacker
  };

  HeaderBlock(const Http2Limits& limits, Kind kind) : limits_(limits), kind_(kind) {}

  [[nodiscard]] Verdict add(std::string_view name, std::string_view value);

  // What finish() found: exactly one of a request, a status to refuse it with, or a malformed block (RFC 9113 §8.1.1).
  struct Outcome {
    int refusal = 0;
    bool malformed = false;
    Request request;
  };
  [[nodiscard]] Outcome finish();

  [[nodiscard]] Kind kind() const { return kind_; }
  // A limit was crossed: the status that says which, or 0.
  [[nodiscard]] int refusal() const { return refusal_; }

 private:
  void keep(std::string_view name, std::string_view value);

  const Http2Limits& limits_;
  Kind kind_;
  int refusal_ = 0;
  std::size_t bytes_ = 0, fields_ = 0;
  std::string host_;
  Request request_;
};

}  // namespace sluice::proto
