// MQTT through libmosquitto, quality of service 1 on both sides.
#include <mosquitto.h>

#include <array>
#include <stdexcept>

#include "bench/engines/engine.h"
#include "bench/engines/intake.h"

namespace sluice::bench {
namespace {

using Client = std::unique_ptr<mosquitto, Destroy<mosquitto_destroy>>;

constexpr int in_flight_max = 100, keepalive_seconds = 60;

void check(int code, const char* what) {
  if (code != MOSQ_ERR_SUCCESS)
    throw std::runtime_error(std::string("mqtt: ") + what + ": " + mosquitto_strerror(code));
}

// A connection, and what its library says.
class Session {
 public:
  explicit Session(const EngineOptions& options) {
    mosquitto_lib_init();
    client_.reset(mosquitto_new(nullptr, true, this));
    if (!client_) throw std::runtime_error("mqtt: no client");
    mosquitto_connect_callback_set(client_.get(), [](mosquitto*, void* object, int code) noexcept {
      auto& session = *static_cast<Session*>(object);
      session.connected_ = code == 0;
    });
    mosquitto_subscribe_callback_set(client_.get(), [](mosquitto*, void* object, int, int, const int*) noexcept {
      static_cast<Session*>(object)->subscribed_ = true;
    });
    mosquitto_publish_callback_set(
        client_.get(), [](mosquitto*, void* object, int) noexcept { --static_cast<Session*>(object)->in_flight_; });
    mosquitto_message_callback_set(client_.get(),
                                   [](mosquitto*, void* object, const mosquitto_message* message) noexcept {
                                     static_cast<Session*>(object)->on_message(*message);
                                   });
    check(mosquitto_max_inflight_messages_set(client_.get(), in_flight_max), "limits");
    const HostPort at = host_port(options.url);
    check(mosquitto_connect(client_.get(), at.host.c_str(), at.port, keepalive_seconds), "connect");
    while (!connected_) turn(read_wait_milliseconds);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void turn(int milliseconds) { check(mosquitto_loop(client_.get(), milliseconds, 1), "the connection"); }
  void publish(const std::string& topic, std::string_view payload) {
    ++in_flight_;
    check(mosquitto_publish(client_.get(), nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1,
                            false),
          "publish");
  }
  void subscribe(const std::string& topic) {
    check(mosquitto_subscribe(client_.get(), nullptr, topic.c_str(), 1), "subscribe");
    while (!subscribed_) turn(read_wait_milliseconds);
  }
  [[nodiscard]] int in_flight() const { return in_flight_; }
  void give_to(Intake* intake) { intake_ = intake; }

 private:
  void on_message(const mosquitto_message& message) {
    if (intake_ != nullptr)
      intake_->take({static_cast<const char*>(message.payload), static_cast<std::size_t>(message.payloadlen)});
  }

  Client client_;
  Intake* intake_ = nullptr;
  int in_flight_ = 0;
  bool connected_ = false, subscribed_ = false;
};

class MqttWriter final : public Writer {
 public:
  explicit MqttWriter(const EngineOptions& options) : session_(options), topic_(options.name) {}
  void write(std::string_view payload) override {
    session_.publish(topic_, payload);
    while (session_.in_flight() >= in_flight_max) session_.turn(read_wait_milliseconds);
  }
  void flush() override { session_.turn(0); }
  void finish() override {
    while (session_.in_flight() != 0) session_.turn(read_wait_milliseconds);
  }

 private:
  Session session_;
  const std::string topic_;
};

class MqttReader final : public Reader {
 public:
  explicit MqttReader(const EngineOptions& options) : session_(options) { session_.subscribe(options.name); }
  void read(Intake& intake) override {
    session_.give_to(&intake);
    session_.turn(read_wait_milliseconds);
    session_.give_to(nullptr);
  }

 private:
  Session session_;
};

}  // namespace

std::span<const Engine> mqtt_engines() {
  static const std::array<Engine, 1> engines = {{
      {"mqtt", [](const EngineOptions& options) { return std::make_unique<MqttWriter>(options); },
       [](const EngineOptions& options) { return std::make_unique<MqttReader>(options); }},
  }};
  return engines;
}

}  // namespace sluice::bench
