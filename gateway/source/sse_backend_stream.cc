#include "gateway/source/sse_backend_stream.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::source {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds retry_min{1000};      // whatever the backend's `retry:` says
constexpr milliseconds retry_max{600'000};   // and a backend that says a day may have meant seconds
constexpr milliseconds ping_interval{3000};  // over HTTP/2 a backend that hangs is noticed within 9 s
// What a paused stream over HTTP/2 may still bring.
constexpr std::uint32_t window = 256 * 1024;
constexpr double jitter = 0.25;              // many gateways lose one backend in one moment
// A backend that refuses is asked again every 30 to 60 s in the end; one that says 204, which tells a browser to stop,
// at least so from the first time.
constexpr milliseconds refused_least{2000}, refused_most{60'000}, told_to_stop{15'000};

client::ClientConnection::Options connection_options(const SseBackendStream::Options& options) {
  client::ClientConnection::Options connection;
  connection.host = options.target.host;
  connection.port = options.target.port;
  connection.ping_interval = ping_interval;
  connection.http.http2.stream_window = connection.http.http2.connection_window = window;
  connection.trust_remedy = "set `tls.ca` to the authority that signed it";
  return connection;
}

}  // namespace

SseBackendStream::SseBackendStream(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, Options options,
                                   Visitor& visitor)
    : loop_(loop),
      options_(std::move(options)),
      visitor_(visitor),
      connection_(
          std::make_unique<client::ClientConnection>(loop, buffers, options_.tls, connection_options(options_))),
      retry_(loop),
      refused_(options_.seed, refused_least, refused_most) {}

SseBackendStream::~SseBackendStream() {
  stopped_ = true;
  if (client_) client_->stop();
  connection_.reset();  // its streams hear on_close, and pass it to the client
}

void SseBackendStream::start(std::string last_event_id) {
  client::EventStreamClient::Options stream;
  stream.request = {"GET",
                    options_.target.scheme(),
                    options_.target.authority(),
                    options_.target.path,
                    options_.target.query,
                    options_.fields};
  stream.source.last_event_id = std::move(last_event_id);
  stream.source.reconnection_time = stream.source.reconnection_time_min = retry_min;
  stream.source.retry_statuses = true;
  stream.source.event_size_max = options_.event_size_max;
  stream.source.skip_too_large = true;
  stream.jitter = jitter;
  stream.wait_max = retry_max;
  stream.silence = options_.silence;
  client::EventStreamVisitor& visitor = *this;
  client_ = std::make_unique<client::EventStreamClient>(loop_, *connection_, std::move(stream), visitor);
  if (paused_) client_->pause();
  client_->start();
}

void SseBackendStream::stop() {
  stopped_ = true;
  open_ = false;
  retry_.cancel();
  if (client_) client_->stop();
  connection_->close();
}

void SseBackendStream::pause() {
  paused_ = true;
  if (client_) client_->pause();
}

void SseBackendStream::resume() {
  paused_ = false;
  if (client_) client_->resume();
}

void SseBackendStream::on_open(const proto::ResponseHead&) {
  if (stopped_) return;
  open_ = true;
  refused_.reset();
  visitor_.on_open();
}

void SseBackendStream::on_event(const proto::sse::EventView& event) {
  if (!stopped_) visitor_.on_event(event);
}

void SseBackendStream::on_comment(std::string_view) {
  if (!stopped_) visitor_.on_comment();
}

void SseBackendStream::on_too_large(std::string_view last_event_id) {
  if (!stopped_) visitor_.on_too_large(last_event_id);
}

void SseBackendStream::on_reconnecting(milliseconds wait, const std::string& why) {
  open_ = false;
  if (!stopped_) visitor_.on_away(fmt::format("{}; asked again in {} ms", why, wait.count()));
}

void SseBackendStream::on_end(const std::string& why) {
  open_ = false;
  if (stopped_) return;
  const int status = client_->status();
  milliseconds wait = refused_.next();
  if (status == 204) wait = std::max(wait, told_to_stop);
  ask_again(wait);
  visitor_.on_refused(status, fmt::format("{}; asked again in {} s", explain(status, why), wait.count() / 1000));
}

void SseBackendStream::ask_again(milliseconds wait) {
  retry_.expires_after(wait);
  retry_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired() || stopped_) return;
    start(last_event_id());
  });
}

std::string SseBackendStream::explain(int status, const std::string& why) const {
  const std::string where =
      fmt::format("{}://{}{}", options_.target.scheme(), options_.target.authority(), options_.target.path);
  if (status == 0) return why;
  if (status == 204) return where + " answers 204: it has no events to send and asks not to come back";
  if (status == 401 || status == 403)
    return fmt::format("{} answers {}: set `token` to one that it accepts", where, why);
  if (status >= 500) return fmt::format("{} answers {}: see the backend's log", where, why);
  if (status == 200) return fmt::format("{} does not send an event stream ({}): check the path of `url`", where, why);
  return fmt::format("{} answers {}: check the path of `url`", where, why);
}

}  // namespace sluice::source
