// Router: the public side's handler: turns a request into the stream that serves it: an event stream, a publish, a
// file, a preflight, a refusal. One per worker; its rules are shared and immutable.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/access/cors.h"
#include "gateway/access/publishing.h"
#include "gateway/serve/connection.h"
#include "gateway/serve/event_stream.h"
#include "gateway/serve/files.h"
#include "gateway/serve/publish.h"
#include "gateway/serve/route_table.h"

namespace sluice::serve {

// What requests are judged by; shared by all workers.
struct Rules {
  explicit Rules(const config::Config& config);
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  RouteTable routes;
  access::Cors cors;
  access::Publishing publishing;
  std::map<std::string, Files, std::less<>> files;  // by the route's path
};

class Router final : public Handler {
 public:
  Router(const Rules& rules, Services& services) : rules_(rules), services_(services) {}

  std::unique_ptr<Stream> handle(proto::Request&& request, bool body_follows, Connection& connection) override;

 private:
  std::unique_ptr<Stream> subscribe(const proto::Request& request, const QueryParameters& query, RouteMatch&& match,
                                    bool surplus);
  // nullopt: one more event stream may open. A refusal has taken a place in the calendar.
  std::optional<load::Admission::Refusal> ask_admission(bool surplus);
  std::unique_ptr<Stream> publish(const proto::Request& request, QueryParameters&& query, RouteMatch&& match);
  std::unique_ptr<Stream> refuse(const proto::Request& request, const Problem& problem, bool cors);
  [[nodiscard]] TopicRef find_topic(const std::string& name) const;

  const Rules& rules_;
  Services& services_;
};

}  // namespace sluice::serve
