// The gateway's own publishing: NDJSON bodies of many events, or of those that are due. It has no library to read with.
#include <array>
#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <utility>

#include "bench/engines/engine.h"
#include "gateway/client/client_connection.h"
#include "gateway/client/target.h"
#include "gateway/client/trust.h"

namespace sluice::bench {
namespace {

constexpr unsigned events_per_body = 1'000;
constexpr std::size_t in_flight_max = 4;  // bodies

class PublishWriter final : public Writer, private proto::ResponseVisitor {
 public:
  explicit PublishWriter(const EngineOptions& options)
      : target_(client::parse_target(options.url + options.name)),
        tls_(client::make_client_tls({.cacert = options.cacert}, target_.host, "h2")),
        connection_(loop_, buffers_, &tls_, {.host = target_.host, .port = target_.port}) {}
  ~PublishWriter() override { loop_.stop(); }  // what a failed run leaves under way never completes
  PublishWriter(const PublishWriter&) = delete;
  PublishWriter& operator=(const PublishWriter&) = delete;

  void write(std::string_view payload) override {
    body_ += "{\"data\":\"";
    body_.append(payload) += "\"}\n";
    if (++events_ == events_per_body) flush();
    wait_until(in_flight_max);
  }
  void flush() override {
    if (std::exchange(events_, 0) == 0) return;
    ++in_flight_;
    connection_.request(
        {"POST", "https", target_.authority(), target_.path, target_.query, {{"content-type", "application/x-ndjson"}}},
        *this, std::exchange(body_, {}));
    loop_.poll();
  }
  void finish() override {
    flush();
    wait_until(0);
    connection_.close();
    loop_.run();
  }

 private:
  void wait_until(std::size_t in_flight) {
    while (in_flight_ > in_flight && failure_.empty()) loop_.run_one();
    if (!failure_.empty()) throw std::runtime_error("a publish failed: " + failure_);
  }
  void on_head(proto::StreamId, proto::ResponseHead&& head, bool) override {
    if (head.status / 100 != 2) failure_ = "status " + std::to_string(head.status);
  }
  void on_body(proto::StreamId, std::span<const std::uint8_t>) override {}
  void on_close(proto::StreamId, std::uint32_t code) override {
    --in_flight_;
    if (code != 0) failure_ = "reset with code " + std::to_string(code) + ' ' + connection_.error();
  }

  const client::Target target_;
  const proto::TlsContext tls_;
  boost::asio::io_context loop_{1};
  client::ConnectionBuffers buffers_;
  std::string body_, failure_;
  unsigned events_ = 0;
  std::size_t in_flight_ = 0;
  client::ClientConnection connection_;  // last: its end calls on_close
};

}  // namespace

std::span<const Engine> publish_engines() {
  static const std::array<Engine, 1> engines = {{
      {"publish", [](const EngineOptions& options) { return std::make_unique<PublishWriter>(options); }, nullptr},
  }};
  return engines;
}

}  // namespace sluice::bench
