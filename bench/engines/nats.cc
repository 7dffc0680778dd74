// NATS through libnats: core subjects, and a JetStream stream whose subject has its name.
#include <nats/nats.h>

#include <array>
#include <stdexcept>

#include "bench/engines/engine.h"
#include "bench/engines/intake.h"

namespace sluice::bench {
namespace {

using Connection = std::unique_ptr<natsConnection, Destroy<natsConnection_Destroy>>;
using JetStream = std::unique_ptr<jsCtx, Destroy<jsCtx_Destroy>>;
using Subscription = std::unique_ptr<natsSubscription, Destroy<natsSubscription_Destroy>>;
using Message = std::unique_ptr<natsMsg, Destroy<natsMsg_Destroy>>;

constexpr std::int64_t in_flight_max = 4'000, stall_milliseconds = 10'000;
constexpr int pending_messages_max = 4'000'000, pending_bytes_max = 1 << 30;
constexpr int batch = 512;  // what the source hands over at once

void check(natsStatus status, const char* what) {
  if (status != NATS_OK) throw std::runtime_error(std::string("nats: ") + what + ": " + natsStatus_GetText(status));
}

Connection connect(const EngineOptions& options) {
  natsConnection* made = nullptr;
  check(natsConnection_ConnectTo(&made, options.url.c_str()), "connect");
  return Connection(made);
}

JetStream jet_stream(natsConnection* connection) {
  jsOptions options;
  check(jsOptions_Init(&options), "options");
  options.PublishAsync.MaxPending = in_flight_max;
  options.PublishAsync.StallWait = stall_milliseconds;
  jsCtx* made = nullptr;
  check(natsConnection_JetStream(&made, connection, &options), "JetStream");
  return JetStream(made);
}

class NatsWriter final : public Writer {
 public:
  explicit NatsWriter(const EngineOptions& options) : connection_(connect(options)), subject_(options.name) {}
  void write(std::string_view payload) override {
    check(natsConnection_Publish(connection_.get(), subject_.c_str(), payload.data(), static_cast<int>(payload.size())),
          "publish");
  }
  // Its own thread sends.
  void flush() override {}
  void finish() override { check(natsConnection_Flush(connection_.get()), "flush"); }

 private:
  Connection connection_;
  const std::string subject_;
};

class JetStreamWriter final : public Writer {
 public:
  explicit JetStreamWriter(const EngineOptions& options)
      : connection_(connect(options)), stream_(jet_stream(connection_.get())), subject_(options.name) {}
  void write(std::string_view payload) override {
    check(js_PublishAsync(stream_.get(), subject_.c_str(), payload.data(), static_cast<int>(payload.size()), nullptr),
          "publish");
  }
  void flush() override {}
  void finish() override { check(js_PublishAsyncComplete(stream_.get(), nullptr), "acknowledgements"); }

 private:
  Connection connection_;
  JetStream stream_;
  const std::string subject_;
};

class NatsReader final : public Reader {
 public:
  NatsReader(const EngineOptions& options, bool jetstream)
      : options_(options), connection_(connect(options)), jetstream_(jetstream) {
    if (!options_.from_oldest) subscribe();
  }

  void read(Intake& intake) override {
    if (!subscription_) subscribe();
    for (int i = 0; i != batch; ++i) {
      natsMsg* made = nullptr;
      const natsStatus status =
          natsSubscription_NextMsg(&made, subscription_.get(), i == 0 ? read_wait_milliseconds : 0);
      const Message message(made);
      if (status == NATS_TIMEOUT) return;
      check(status, "read");
      intake.take({natsMsg_GetData(made), static_cast<std::size_t>(natsMsg_GetDataLength(made))});
    }
  }

 private:
  void subscribe() {
    natsSubscription* made = nullptr;
    if (jetstream_) {
      stream_ = jet_stream(connection_.get());
      jsSubOptions how;
      check(jsSubOptions_Init(&how), "options");
      how.Stream = options_.name.c_str();
      how.Ordered = true;
      how.Config.DeliverPolicy = options_.from_oldest ? js_DeliverAll : js_DeliverNew;
      check(js_SubscribeSync(&made, stream_.get(), options_.name.c_str(), nullptr, &how, nullptr), "subscribe");
    } else {
      check(natsConnection_SubscribeSync(&made, connection_.get(), options_.name.c_str()), "subscribe");
    }
    subscription_.reset(made);
    check(natsSubscription_SetPendingLimits(made, pending_messages_max, pending_bytes_max), "limits");
    check(natsConnection_Flush(connection_.get()), "flush");
  }

  const EngineOptions options_;
  Connection connection_;
  JetStream stream_;
  Subscription subscription_;
  const bool jetstream_;
};

}  // namespace

std::span<const Engine> nats_engines() {
  static const std::array<Engine, 2> engines = {{
      {"nats", [](const EngineOptions& options) { return std::make_unique<NatsWriter>(options); },
       [](const EngineOptions& options) { return std::make_unique<NatsReader>(options, false); }},
      {"jetstream", [](const EngineOptions& options) { return std::make_unique<JetStreamWriter>(options); },
       [](const EngineOptions& options) { return std::make_unique<NatsReader>(options, true); }},
  }};
  return engines;
}

}  // namespace sluice::bench
