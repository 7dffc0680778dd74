// Cors: which pages of other origins may read streams and publish (Fetch §3.2). Origins are exact, never patterns and
// never "*": a gateway that answers credentials must name whom it answers.
// Immutable, shared by all workers. apply() goes on every answer of a route that streams or publishes, refusals
// included: without the fields a page cannot read why it was refused, and without `vary` a cache would mix origins.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/access/refusal.h"
#include "proto/http.h"

namespace sluice::access {

class Cors {
 public:
  Cors(std::vector<std::string> origins, bool credentials) : origins_(std::move(origins)), credentials_(credentials) {}

  [[nodiscard]] bool allows(std::string_view origin) const;
  // Adds access-control-* for a listed Origin, and `vary: origin` always.
  void apply(const proto::Request& request, proto::ResponseHead& head) const;
  // The answer to OPTIONS; `allow` is what the route answers: "GET, POST, OPTIONS". A preflight of an origin that is
  // not listed is refused with the key that would list it; an OPTIONS that is no preflight gets `allow`.
  [[nodiscard]] std::variant<proto::ResponseHead, Refusal> answer_options(const proto::Request& request,
                                                                          std::string_view allow) const;

 private:
  std::vector<std::string> origins_;
  bool credentials_;
};

}  // namespace sluice::access
