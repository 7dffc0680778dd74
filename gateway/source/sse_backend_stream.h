// SseBackendStream: one event stream of a backend over a connection of its own, kept open through everything: what
// client::EventStreamClient takes for an end (204, 404, a wrong type, a certificate) is asked for again, slowly. Owned
// by a topic or a reading of the past, on the home worker's loop. Never appends.
//   start() → on_open → on_event… → on_away (asked again by itself) → on_open …
//                                  → on_refused (asked again after seconds) → on_open …
// Invariant: after stop(), and while it is destroyed, nothing comes.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/client/event_stream_client.h"
#include "gateway/client/target.h"
#include "gateway/source/backoff.h"

namespace sluice::source {

class SseBackendStream final : private client::EventStreamVisitor {
 public:
  struct Options {
    client::Target target;
    std::vector<proto::Field> fields;
    const proto::TlsContext* tls = nullptr;
    std::chrono::milliseconds silence{45'000};
    std::size_t event_size_max = 1024 * 1024;
    std::uint64_t seed = 0;
  };
  class Visitor {
   public:
    virtual void on_open() = 0;
    virtual void on_event(const proto::sse::EventView& event) = 0;
    virtual void on_comment() {}
    virtual void on_too_large(std::string_view last_event_id) = 0;
    // It was lost, or not to be reached.
    virtual void on_away(const std::string& why) = 0;
    // It was answered, otherwise than with an event stream. `status` 0: before HTTP (a certificate).
    virtual void on_refused(int status, const std::string& why) = 0;

   protected:
    ~Visitor() = default;
  };

  // All outlive it.
  SseBackendStream(boost::asio::io_context& loop, client::ConnectionBuffers& buffers, Options options,
                   Visitor& visitor);
  // Not from inside a callback.
  ~SseBackendStream();
  SseBackendStream(const SseBackendStream&) = delete;
  SseBackendStream& operator=(const SseBackendStream&) = delete;

  // `last_event_id` empty: from wherever the backend begins.
  void start(std::string last_event_id);
  void stop();
  void pause();
  void resume();
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] const std::string& last_event_id() const { return client_->source().last_event_id(); }

 private:
  void ask_again(std::chrono::milliseconds wait);
  [[nodiscard]] std::string explain(int status, const std::string& why) const;
  void on_open(const proto::ResponseHead& head) override;
  void on_event(const proto::sse::EventView& event) override;
  void on_comment(std::string_view text) override;
  void on_too_large(std::string_view last_event_id) override;
  void on_reconnecting(std::chrono::milliseconds wait, const std::string& why) override;
  void on_end(const std::string& why) override;

  boost::asio::io_context& loop_;
  const Options options_;
  Visitor& visitor_;
  std::unique_ptr<client::ClientConnection> connection_;
  std::unique_ptr<client::EventStreamClient> client_;
  boost::asio::steady_timer retry_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>();  // gone with it: late completions look
  Backoff refused_;
  bool open_ = false, stopped_ = false, paused_ = false;
};

}  // namespace sluice::source
