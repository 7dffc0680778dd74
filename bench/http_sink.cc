#include "bench/http_sink.h"

#include <algorithm>
#include <utility>

#include "bench/payload.h"

namespace sluice::bench {

// One request under way.
class HttpSink::Flight final : public proto::ResponseVisitor {
 public:
  explicit Flight(HttpSink& sink) : sink_(sink) {}

  void begin(const Batch& batch, client::ClientConnection& connection, const proto::Request& request,
             std::string body) {
    batch_ = batch;
    connection_ = &connection;
    status_ = 0;
    connection.request(request, *this, std::move(body));
  }

 private:
  void on_head(proto::StreamId, proto::ResponseHead&& head, bool) override { status_ = head.status; }
  void on_body(proto::StreamId, std::span<const std::uint8_t>) override {}
  void on_close(proto::StreamId, std::uint32_t code) override {
    std::string failure;
    if (status_ != 0 && status_ / 100 != 2)
      failure = "status " + std::to_string(status_);
    else if (code != 0 || status_ == 0)
      failure = connection_->error().empty() ? "no answer, code " + std::to_string(code) : connection_->error();
    sink_.free_.push_back(this);
    sink_.visitor_.on_published(batch_, failure);
  }

  HttpSink& sink_;
  client::ClientConnection* connection_ = nullptr;
  Batch batch_;
  int status_ = 0;
};

HttpSink::HttpSink(boost::asio::io_context& loop, const Plan& plan, const Place& place, PublishVisitor& visitor)
    : publishing_(plan.publishing),
      visitor_(visitor),
      path_(publishing_.target.path),
      query_(publishing_.target.query),
      body_(publishing_.body) {
  for (const proto::Field& field : publishing_.fields) fields_.push_back({field.name, Template(field.value)});
  if (proto::find_field(publishing_.fields, "content-type").empty())
    fields_.push_back({"content-type", Template(publishing_.batch > 1 ? "application/x-ndjson" : "text/plain")});
  client::ClientConnection::Options options{.host = place.address, .port = publishing_.target.port};
  options.server_name = publishing_.target.host;
  if (plan.crowd.wire == Wire::http2) options.without_tls = proto::HttpClient::Protocol::http2;
  for (unsigned i = 0; i < place.connections; ++i) connections_.emplace_back(loop, buffers_, place.tls, options);
}

HttpSink::~HttpSink() = default;

void HttpSink::send(const Batch& batch) {
  const std::string payload = make_payload({batch.sequences.from, batch.scheduled}, publishing_.payload_bytes);
  const Template::Values values{batch.topic, payload, batch.event};
  const client::Target& target = publishing_.target;
  proto::Request request{publishing_.method, target.scheme(),     target.authority(),
                         path_.fill(values), query_.fill(values), {}};
  for (const FieldTemplate& field : fields_) request.fields.push_back({field.name, field.value.fill(values)});
  if (free_.empty()) free_.push_back(&flights_.emplace_back(*this));
  Flight& flight = *free_.back();
  free_.pop_back();
  flight.begin(batch, connections_[batch.topic % connections_.size()], request, body(batch, payload));
}

std::string HttpSink::body(const Batch& batch, const std::string& payload) const {
  if (publishing_.batch == 1) return body_.fill({batch.topic, payload, batch.event});
  std::string lines;
  lines.reserve(publishing_.batch * (publishing_.payload_bytes + 12));
  for (std::uint64_t sequence = batch.sequences.from; sequence < batch.sequences.to; ++sequence) {
    lines += "{\"data\":\"";
    lines += make_payload({sequence, batch.scheduled}, publishing_.payload_bytes);
    lines += "\"}\n";
  }
  return lines;
}

void HttpSink::close() {
  for (client::ClientConnection& connection : connections_) connection.close();
}

bool HttpSink::closed() {
  return std::ranges::all_of(connections_, [](const auto& connection) { return connection.idle(); });
}

}  // namespace sluice::bench
