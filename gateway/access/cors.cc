#include "gateway/access/cors.h"

#include <algorithm>

namespace sluice::access {

bool Cors::allows(std::string_view origin) const {
  // "null" is every sandboxed frame and every file: nobody in particular.
  return !origin.empty() && origin != "null" && origin != "*" && std::ranges::find(origins_, origin) != origins_.end();
}

void Cors::apply(const proto::Request& request, proto::ResponseHead& head) const {
  head.fields.push_back({"vary", "origin"});
  const std::string_view origin = request.field("origin");
  if (!allows(origin)) return;
  head.fields.push_back({"access-control-allow-origin", std::string(origin)});
  head.fields.push_back({"access-control-expose-headers", "last-event-id"});
  if (credentials_) head.fields.push_back({"access-control-allow-credentials", "true"});
}

std::variant<proto::ResponseHead, Refusal> Cors::answer_options(const proto::Request& request,
                                                                std::string_view allow) const {
  const std::string_view origin = request.field("origin");
  const bool preflight = !origin.empty() && !request.field("access-control-request-method").empty();
  if (preflight && !allows(origin))
    return Refusal{.error = "origin-not-allowed",
                   .detail = "origin " + std::string(origin) + " is not listed in cors.origins",
                   .fields = {{"vary", "origin"}}};
  proto::ResponseHead head{.status = 204, .fields = {{"allow", std::string(allow)}}};
  apply(request, head);
  if (preflight) {
    head.fields.push_back({"access-control-allow-methods", std::string(allow)});
    // last-event-id needs no preflight up to 128 bytes; composite ids are longer.
    head.fields.push_back({"access-control-allow-headers", "last-event-id, content-type, authorization"});
    // Two hours is the most that Chromium keeps.
    head.fields.push_back({"access-control-max-age", "7200"});
  }
  return head;
}

}  // namespace sluice::access
