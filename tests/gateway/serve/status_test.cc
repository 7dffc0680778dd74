#include "gateway/serve/status.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace std::chrono_literals;
using load::Resource;

TEST_CASE("the status of a gateway is one line of JSON, with every amount as a number and as text") {
  observe::Metrics metrics(2);
  metrics.worker(0).retry_low_ms.set(2'000);
  metrics.worker(0).retry_high_ms.set(5'300);
  metrics.worker(0).streams.set(900);
  metrics.worker(1).streams.set(3);
  metrics.worker(1).connections.set(7);
  metrics.worker(0).deliveries.add(40);
  metrics.worker(1).deliveries.add(2);
  metrics.worker(1).busy[observe::BusyReason::streams].add(5);
  metrics.worker(0).streams_ended[observe::EndReason::slow].add();
  metrics.load().accept_rate.set(3'400);
  observe::SourceMetrics& up = metrics.add_source("demo");
  up.set_state(observe::SourceState::up);
  up.events.add(12);
  observe::SourceMetrics& down = metrics.add_source("orders");
  down.lag.set(-1);
  down.set_state(observe::SourceState::down, "refused: \"redis\"");
  load::Meter meter;
  load::Meter::Amounts amounts{};
  for (load::Meter::Amount& amount : amounts) amount = {.value = 0, .limit = 1'000};
  amounts[static_cast<std::size_t>(Resource::streams)] = {.value = 903, .limit = 1'000};
  meter.take(amounts, std::chrono::steady_clock::time_point(1h));

  const std::string text = serve::status_json(metrics, meter, {.ready = true, .up = 61'500ms});
  CHECK(text.ends_with("}\n"));
  for (
      const char* part : {
          R"({"ready":true,"up_ms":61500,"workers":2,"load":{"percent":90.3,"resource":"streams",)",
          R"("text":"streams 903 of 1000","resources":[{"name":"cpu","percent":0.0,"text":"0.00 cores of 1000.00 cores"},)",
          R"({"name":"streams","percent":90.3,"text":"903 of 1000"},)",
          R"("accept_rate":3400,"retry_ms":{"low":2000,"high":5300},"connections":7,"streams":903,)",
          R"("deliveries":42,"refused":{"limits.connections":0,"limits.streams":5,"limits.memory":0,)",
          R"("limits.accept_rate":0,"descriptors":0},"slow_ended":1,"sources":[{"name":"demo","state":"up","events":12,"lag":0,"why":""},)",
          R"({"name":"orders","state":"down","events":0,"lag":null,"why":"refused: \"redis\""}]})",
      }) {
    CAPTURE(std::string(part));
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("a draining gateway says so") {
  const std::string text = serve::status_json(observe::Metrics(1), load::Meter(), {.ready = false, .up = 0ms});
  CHECK(text.starts_with(R"({"ready":false,)"));
  CHECK(text.ends_with("\"sources\":[]}\n"));
}
