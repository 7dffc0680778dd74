// MqttLink: the connection to an MQTT broker, on a thread of its own, with libmosquitto: connects, subscribes, waits
// with jittered backoff and connects again. What it learns waits in one queue, from which Mqtt takes on the home
// worker's thread: the one place where threads meet. Owned by Mqtt.
// libmosquitto's own thread is not used: it ends for good at a failed TLS handshake or name, and waits in whole seconds
// without jitter. A broker that hangs is noticed within 8 s by an UNSUBSCRIBE that asks for nothing (MQTT 3.1.1 §3.10.4
// has it answered): the keepalive of the library may take twice its period.
// Invariant: the queue holds at most `queue_bytes_max` and one message more; when it is full the broker is not read for
// up to 2 s, and what comes then is dropped and noted in its place.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/source/mqtt_url.h"

struct mosquitto;
struct mosquitto_message;

namespace sluice::source {

struct MqttOptions {
  MqttUrl url;
  config::SourceTls tls;
  std::string filter;
  std::string client_id;
  std::size_t message_size_max = 0, queue_bytes_max = 0;
  std::uint64_t seed = 0;
};

struct MqttNews {
  enum class Kind : std::uint8_t {
    connected,  // before the subscription's first message
    subscribed,
    down,       // text: why, for a person
    message,    // topic, text
    too_large,  // topic; the message was dropped
    lost,       // messages were dropped here: the queue was full
  };
  Kind kind = Kind::message;
  std::string topic = {}, text = {};
  bool retained = false;  // sent because of the subscription, not now
};

class MqttLink {
 public:
  // `on_news`: called on the link's thread when the queue is no longer empty, once for each take() that emptied it.
  MqttLink(MqttOptions options, std::function<void()> on_news);
  ~MqttLink() { stop(); }
  MqttLink(const MqttLink&) = delete;
  MqttLink& operator=(const MqttLink&) = delete;

  void start();
  // Ends the thread; a name that is just being resolved is waited for.
  void stop();
  // The oldest news, some 1 MiB of them. `more`: others wait, and on_news was not called for them.
  [[nodiscard]] std::vector<MqttNews> take(bool& more);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  friend struct MqttCallbacks;

  void run();
  // Until the connection ends, or stop(); why it ended.
  [[nodiscard]] std::string hold_connection();
  [[nodiscard]] std::string set_up(mosquitto* client) const;
  [[nodiscard]] std::string watch(mosquitto* client);
  [[nodiscard]] std::string failure(int code) const;
  void put(MqttNews&& news);

  void on_connect(mosquitto* client, int code);
  void on_subscribe(int granted);
  void on_message(const mosquitto_message& message);
  void on_log(int level, const char* text);

  const MqttOptions options_;
  const std::function<void()> on_news_;
  std::thread thread_;

  // Of the link's thread.
  std::string refused_;     // by the broker: ends the connection
  std::string last_error_;  // as the library logged it: what its codes do not say (TLS)
  TimePoint heard_{};       // a packet of the broker, of those that we are told of
  bool subscribed_ = false;

  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::deque<MqttNews> queue_;
  std::size_t queue_bytes_ = 0;
  bool told_ = false, full_ = false, stopping_ = false;
};

}  // namespace sluice::source
