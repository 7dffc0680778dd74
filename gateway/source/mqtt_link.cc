#include "gateway/source/mqtt_link.h"

#include <mosquitto.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "gateway/source/backoff.h"

namespace sluice::source {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto loop_interval = 250ms;
constexpr auto untold_interval = 1ms;  // the least for which the library waits
// From the TCP connection to the answered subscription.
constexpr auto opening_time = 8s;
// Silence after which the broker is asked for a sign of life, and how long it may take.
constexpr auto silence = 4s, answer_time = 4s;
constexpr int keepalive_seconds = 15;
// Nobody publishes there; to unsubscribe from it is answered, and changes nothing.
constexpr const char* sign_of_life = "sluice/alive";

struct Destroy {
  void operator()(mosquitto* client) const { ::mosquitto_destroy(client); }
};
using Client = std::unique_ptr<mosquitto, Destroy>;

// Of the process; the library counts who has initialised it.
struct Library {
  Library() { ::mosquitto_lib_init(); }
  ~Library() { ::mosquitto_lib_cleanup(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

// The key of a certificate with a passphrase: nobody is there to type it.
int no_passphrase(char*, int, int, void*) { return 0; }

bool is_readable(mosquitto* client) {
  pollfd look{.fd = ::mosquitto_socket(client), .events = POLLIN, .revents = 0};
  return ::poll(&look, 1, 0) == 1;
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace

struct MqttCallbacks {
  static MqttLink& link(void* object) noexcept { return *static_cast<MqttLink*>(object); }
  static void connect(mosquitto* client, void* object, int code) noexcept { link(object).on_connect(client, code); }
  static void subscribe(mosquitto*, void* object, int, int count, const int* granted) noexcept {
    link(object).on_subscribe(count == 0 ? 0x80 : granted[0]);
  }
  static void unsubscribe(mosquitto*, void* object, int) noexcept { link(object).heard_ = Clock::now(); }
  static void message(mosquitto*, void* object, const mosquitto_message* message) noexcept {
    link(object).on_message(*message);
  }
  static void log(mosquitto*, void* object, int level, const char* text) noexcept { link(object).on_log(level, text); }
};

MqttLink::MqttLink(MqttOptions options, std::function<void()> on_news)
    : options_(std::move(options)), queue_(options_.queue_bytes_max, std::move(on_news)) {}

void MqttLink::start() {
  thread_ = std::thread([this] { run(); });
}

void MqttLink::stop() {
  if (!thread_.joinable()) return;
  queue_.stop();
  thread_.join();
}

// --- The connection

void MqttLink::run() {
  const Library library;
  Backoff backoff(options_.seed);
  while (true) {
    std::string why = hold_connection();
    if (subscribed_) backoff.reset();
    if (queue_.stopped()) return;
    queue_.put({.kind = MqttNews::Kind::down, .text = std::move(why)});
    if (queue_.wait(backoff.next())) return;
  }
}

std::string MqttLink::hold_connection() {
  refused_.clear();
  last_error_.clear();
  subscribed_ = false;
  // A clean session: the broker keeps nothing for us while we are away, and a gap says so. To have it keep something
  // each gateway would need a name of its own that outlives its process.
  const Client client(::mosquitto_new(options_.client_id.c_str(), true, this));
  if (!client) return failure(MOSQ_ERR_ERRNO);
  if (std::string why = set_up(client.get()); !why.empty()) return why;
  if (const int code =
          ::mosquitto_connect_async(client.get(), options_.url.host.c_str(), options_.url.port, keepalive_seconds);
      code != MOSQ_ERR_SUCCESS)
    return failure(code);
  std::string why = watch(client.get());
  (void)::mosquitto_disconnect(client.get());
  return why;
}

std::string MqttLink::set_up(mosquitto* client) const {
  ::mosquitto_connect_callback_set(client, MqttCallbacks::connect);
  ::mosquitto_subscribe_callback_set(client, MqttCallbacks::subscribe);
  ::mosquitto_unsubscribe_callback_set(client, MqttCallbacks::unsubscribe);
  ::mosquitto_message_callback_set(client, MqttCallbacks::message);
  ::mosquitto_log_callback_set(client, MqttCallbacks::log);
  int code = MOSQ_ERR_SUCCESS;
  if (!options_.url.user.empty())
    code = ::mosquitto_username_pw_set(client, options_.url.user.c_str(), or_null(options_.url.password));
  if (code == MOSQ_ERR_SUCCESS && options_.url.tls) {
    const std::string ca = options_.tls.ca.string(), cert = options_.tls.cert.string(), key = options_.tls.key.string();
    if (ca.empty()) code = ::mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    if (code == MOSQ_ERR_SUCCESS && (!ca.empty() || !cert.empty()))
      code = ::mosquitto_tls_set(client, or_null(ca), ca.empty() ? "/etc/ssl/certs" : nullptr, or_null(cert),
                                 or_null(key), no_passphrase);
    if (code == MOSQ_ERR_INVAL) return "tls.ca, tls.cert or tls.key cannot be read";
  }
  return code == MOSQ_ERR_SUCCESS ? std::string() : failure(code);
}

std::string MqttLink::watch(mosquitto* client) {
  const TimePoint begun = Clock::now();
  TimePoint asked{};  // for a sign of life; not answered while it is after heard_
  heard_ = begun;
  bool untold = false;
  while (true) {
    const auto time = untold ? untold_interval : loop_interval;
    const std::uint64_t had = messages_;
    const int code = ::mosquitto_loop(client, static_cast<int>(time.count()), 1);
    if (queue_.stopped()) return {};
    if (!refused_.empty()) return refused_;
    if (code != MOSQ_ERR_SUCCESS) return failure(code);
    const TimePoint now = Clock::now();
    if (messages_ == had && !is_readable(client)) queue_.caught_up();
    untold = queue_.tell(now);
    if (!subscribed_ && now - begun > opening_time) return fmt::format("{} does not answer", options_.url.authority());
    if (!subscribed_ || now - heard_ <= silence) continue;
    if (asked <= heard_) {
      asked = now;
      (void)::mosquitto_unsubscribe(client, nullptr, sign_of_life);
    } else if (now - asked > answer_time) {
      return fmt::format("{} does not answer any more", options_.url.authority());
    }
  }
}

std::string MqttLink::failure(int code) const {
  const int system_error = errno;
  const std::string where = options_.url.authority();
  switch (code) {
    case MOSQ_ERR_ERRNO:
      return fmt::format("{}: {}", where, std::strerror(system_error));
    case MOSQ_ERR_EAI:
    case MOSQ_ERR_LOOKUP:
      return fmt::format("{}: there is no host of that name", where);
    case MOSQ_ERR_TLS:
      return fmt::format("{}: the TLS handshake failed{}{} (tls.ca names whom to trust)", where,
                         last_error_.empty() ? "" : ": ", last_error_);
    default:
      return fmt::format("{}: {}", where, ::mosquitto_strerror(code));
  }
}

// --- What the library calls

void MqttLink::on_connect(mosquitto* client, int code) {
  if (code != 0) {
    refused_ = fmt::format(
        "{} refuses us: {}; {}", options_.url.authority(), ::mosquitto_connack_string(code),
        options_.url.user.empty() ? "the URL has no user and password" : "look at user and password in the URL");
    return;
  }
  heard_ = Clock::now();
  queue_.put({.kind = MqttNews::Kind::connected});
  (void)::mosquitto_subscribe(client, nullptr, options_.filter.c_str(), 1);
}

void MqttLink::on_subscribe(int granted) {
  if (granted > 2) {
    refused_ = fmt::format("{} refuses the subscription to `{}`: this user may not read it (the broker's ACL)",
                           options_.url.authority(), options_.filter);
    return;
  }
  heard_ = Clock::now();
  subscribed_ = true;
  queue_.put({.kind = MqttNews::Kind::subscribed});
}

void MqttLink::on_message(const mosquitto_message& message) {
  ++messages_;
  const auto size = static_cast<std::size_t>(message.payloadlen);
  if (size > options_.message_size_max)
    queue_.put({.kind = MqttNews::Kind::too_large, .topic = message.topic});
  else
    queue_.put({.kind = MqttNews::Kind::message,
                .topic = message.topic,
                .text = size == 0 ? std::string() : std::string(static_cast<const char*>(message.payload), size),
                .retained = message.retain});
  heard_ = Clock::now();  // after a wait for room in the queue, which is not the broker's silence
}

void MqttLink::on_log(int level, const char* text) {
  if (level == MOSQ_LOG_ERR) last_error_ = text;
}

}  // namespace sluice::source
