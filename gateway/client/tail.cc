#include "gateway/client/tail.h"

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <optional>
#include <ostream>
#include <stdexcept>

#include "gateway/client/event_printer.h"
#include "gateway/client/event_stream_client.h"
#include "gateway/client/target.h"

namespace sluice::client {
namespace {

EventStreamClient::Options stream_options(const TailOptions& options, const Target& target) {
  EventStreamClient::Options stream;
  stream.request = {"GET", target.scheme(), target.authority(), target.path, target.query, options.headers};
  stream.source.last_event_id = !options.last_event_id.empty() ? options.last_event_id
                                : options.earliest             ? "earliest"
                                                               : "";
  stream.source.retry_statuses = true;  // a person who tails wants to see the service come back
  stream.reconnect = options.reconnect;
  return stream;
}

class Tail final : private EventStreamVisitor {
 public:
  Tail(const TailOptions& options, const Target& target, const proto::TlsContext* tls, std::ostream& out,
       std::ostream& err)
      : options_(options),
        out_(out),
        err_(err),
        printer_(out, err, options.json),
        signals_(loop_, SIGINT, SIGTERM),
        connection_(loop_, buffers_, tls, {.host = target.host, .port = target.port}),
        stream_(loop_, connection_, stream_options(options, target), *this) {}

  int run() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) stream_.stop();
    });
    stream_.start();
    loop_.run();
    return exit_code_;
  }

 private:
  void on_event(const proto::sse::EventView& event) override {
    const bool counted = printer_.print(event);
    if (!out_) {  // a full disk; a closed pipe only where SIGPIPE is ignored, as under systemd
      err_ << "sluice: what came cannot be written to standard output\n" << std::flush;
      exit_code_ = 1;
      stream_.stop();
    } else if (counted && ++count_ == options_.count) {
      stream_.stop();
    }
  }
  void on_reconnecting(std::chrono::milliseconds wait, const std::string& why) override {
    err_ << "-- " << why << "; again in " << wait.count() << " ms\n" << std::flush;
  }
  void on_end(const std::string& why) override {
    // The loop ends when nothing is left to wait for.
    signals_.cancel();
    connection_.close();
    if (why.empty()) return;
    err_ << "sluice: " << why << '\n' << std::flush;
    exit_code_ = 1;
  }

  const TailOptions& options_;
  std::ostream& out_;
  std::ostream& err_;
  EventPrinter printer_;
  boost::asio::io_context loop_{1};
  ConnectionBuffers buffers_;
  boost::asio::signal_set signals_;
  ClientConnection connection_;
  EventStreamClient stream_;
  std::size_t count_ = 0;
  int exit_code_ = 0;
};

}  // namespace

int tail(const TailOptions& options, std::ostream& out, std::ostream& err) {
  try {
    const Target target = parse_target(options.url);
    std::optional<proto::TlsContext> tls;
    if (target.tls) tls = make_client_tls(options.trust, target.host);
    return Tail(options, target, tls ? &*tls : nullptr, out, err).run();
  } catch (const std::exception& error) {
    err << "sluice: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace sluice::client
