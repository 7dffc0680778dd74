#include "bench/crowd_setup.h"

namespace sluice::bench {

void CrowdSetup::make_connection_options() {
  const Crowd& crowd = plan.crowd;
  client::ClientConnection::Options options{.host = address, .port = crowd.target.port};
  options.server_name = crowd.target.host;
  if (crowd.wire == Wire::http2) options.without_tls = proto::HttpClient::Protocol::http2;
  options.http.http2.stream_window = crowd.stream_window;
  options.http.http2.request_table = 0;  // few requests, many connections
  std::vector<std::string> sources = crowd.source_addresses;
  if (sources.empty()) sources.emplace_back();
  for (std::string& source : sources) {
    options.source_address = std::move(source);
    connection_options.push_back(std::make_shared<const client::ClientConnection::Options>(options));
  }
}

proto::Request CrowdSetup::request(unsigned topic, const std::string& last_event_id) const {
  const client::Target& target = plan.crowd.target;
  proto::Request request{
      "GET", target.scheme(), target.authority(), path.fill({.topic = topic}), query.fill({.topic = topic}), {}};
  // HTML §9.2.2 and §9.2.3, as proto::EventSource::request_fields().
  request.fields.push_back({"accept", "text/event-stream"});
  request.fields.push_back({"cache-control", "no-store"});
  if (!last_event_id.empty()) request.fields.push_back({"last-event-id", last_event_id});
  for (const proto::Field& field : plan.crowd.fields) request.fields.push_back(field);
  return request;
}

}  // namespace sluice::bench
