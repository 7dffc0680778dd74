// HttpSink: publishes by HTTP, one request for each batch, made from the user's templates. Over HTTP/2 one connection
// carries all; over HTTP/1.1 up to eight do, a topic always on the same, so that its order stays. Owned by the
// Publisher, on its loop. Invariant: see publish_sink.h.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/plan.h"
#include "bench/publish_sink.h"
#include "bench/publish_template.h"
#include "gateway/client/client_connection.h"

namespace sluice::bench {

class HttpSink final : public PublishSink {
 public:
  struct Place {
    const proto::TlsContext* tls = nullptr;  // null: plain TCP
    std::string address;                     // literal
    unsigned connections = 1;                // more than one: HTTP/1.1
  };
  // All outlive it but `place`.
  HttpSink(boost::asio::io_context& loop, const Plan& plan, const Place& place, PublishVisitor& visitor);
  ~HttpSink() override;

  void send(const Batch& batch) override;
  void close() override;
  [[nodiscard]] bool closed() override;

 private:
  class Flight;
  struct FieldTemplate {
    std::string name;
    Template value;
  };
  [[nodiscard]] std::string body(const Batch& batch, const std::string& payload) const;

  const Publishing& publishing_;
  PublishVisitor& visitor_;
  const Template path_, query_, body_;
  std::vector<FieldTemplate> fields_;
  client::ConnectionBuffers buffers_;
  std::deque<Flight> flights_;
  std::vector<Flight*> free_;
  std::deque<client::ClientConnection> connections_;  // last: their end calls the flights
};

}  // namespace sluice::bench
