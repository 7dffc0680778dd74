// Answer: a finite response, complete: head and bytes. Problem: why a request is refused, and the small JSON body that
// says so: {"error":"…","detail":"…","where":"…","pointer":"…"}.
// Values; made by the pure parts of serve/, written out by the connection. Event streams are not answers.
// Invariant: an Answer's head carries content-length (but for 204 and 304); `bytes` live as long as `owner`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/http.h"

namespace sluice::serve {

struct Answer {
  proto::ResponseHead head;
  std::string_view bytes;             // empty for HEAD and 304, whatever content-length says
  std::shared_ptr<const void> owner;  // keeps `bytes`; null when they live in the binary
};

struct Problem {
  int status = 400;
  std::string error;                 // a stable code for programs: "not-found"
  std::string detail;                // what is wrong and what to do, for people
  std::string where;                 // "line 3, column 17", "event 2"; empty: the whole request
  std::string pointer;               // RFC 6901 place inside a JSON body: "/1/data"
  std::vector<proto::Field> fields;  // further response fields: allow, www-authenticate
  std::string limit;                 // the key under `limits.` that was crossed; empty: none
};

[[nodiscard]] std::string to_json(const Problem& problem);
[[nodiscard]] Answer to_answer(const Problem& problem);
// An answer with `body` as its bytes.
[[nodiscard]] Answer make_answer(int status, std::string_view content_type, std::string body);

}  // namespace sluice::serve
