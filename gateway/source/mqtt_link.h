// MqttLink: the connection to an MQTT broker, on a thread of its own, with libmosquitto: connects, subscribes, waits
// with jittered backoff and connects again. What it learns goes into its queue, from which Mqtt takes. Owned by Mqtt.
// libmosquitto's own thread is not used: it ends for good at a failed TLS handshake or name, and waits in whole seconds
// without jitter. A broker that hangs is noticed within 8 s by an UNSUBSCRIBE that asks for nothing (MQTT 3.1.1 §3.10.4
// has it answered): the keepalive of the library may take twice its period.
// Invariant: between two `down` there is at most one connection, and its news are in the order of the broker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/source/mqtt_queue.h"
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

class MqttLink {
 public:
  // `on_news`: the queue's, on the link's thread.
  MqttLink(MqttOptions options, std::function<void()> on_news);
  ~MqttLink() { stop(); }
  MqttLink(const MqttLink&) = delete;
  MqttLink& operator=(const MqttLink&) = delete;

  void start();
  // Ends the thread; a name that is just being resolved is waited for.
  void stop();
  [[nodiscard]] std::vector<MqttNews> take(bool& more) { return queue_.take(more); }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  friend struct MqttCallbacks;

  void run();
  // Until the connection ends, or stop(); why it ended.
  [[nodiscard]] std::string hold_connection();
  [[nodiscard]] std::string set_up(mosquitto* client) const;
  [[nodiscard]] std::string watch(mosquitto* client);
  [[nodiscard]] std::string failure(int code) const;

  void on_connect(mosquitto* client, int code);
  void on_subscribe(int granted);
  void on_message(const mosquitto_message& message);
  void on_log(int level, const char* text);

  const MqttOptions options_;
  MqttQueue queue_;
  std::thread thread_;

  // Of the link's thread.
  std::string refused_;     // by the broker: ends the connection
  std::string last_error_;  // as the library logged it: what its codes do not say (TLS)
  TimePoint heard_{};       // a packet of the broker, of those that we are told of
  std::uint64_t messages_ = 0;
  bool subscribed_ = false;
};

}  // namespace sluice::source
