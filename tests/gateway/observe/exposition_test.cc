#include "gateway/observe/exposition.h"

#include <doctest/doctest.h>

#include "gateway/observe/process.h"

using namespace sluice::observe;
using namespace std::chrono_literals;

TEST_CASE("Prometheus reads the workers' counters as one text") {
  Metrics metrics(2);
  metrics.worker(0).deliveries.add(40);
  metrics.worker(1).deliveries.add(2);
  metrics.worker(1).glitches[sluice::proto::Glitch::reset_flood].add();
  metrics.worker(0).tls_handshakes[Handshake::resumed].add(3);
  metrics.worker(0).loop_lag.observe(2ms);
  metrics.worker(1).loop_lag.observe(20s);
  const auto text = expose(metrics);
  if (!exposition_built_in()) {
    CHECK_FALSE(text);
    return;
  }
  REQUIRE(text);
  for (const char* line : {
           "# HELP sluice_deliveries_total Events written to subscribers.\n",
           "# TYPE sluice_deliveries_total counter\n",
           "\nsluice_deliveries_total 42\n",
           "# TYPE sluice_connections gauge\n",
           "sluice_glitches_total{kind=\"reset_flood\"} 1\n",
           "sluice_tls_handshakes_total{result=\"resumed\"} 3\n",
           "sluice_streams_ended_total{reason=\"slow\"} 0\n",
           "sluice_loop_lag_seconds_count 2\n",
           "sluice_loop_lag_seconds_bucket{le=\"+Inf\"} 2\n",
           "sluice_loop_lag_seconds_bucket{le=\"0.0025\"} 1\n",
           "sluice_loop_lag_seconds_bucket{le=\"10\"} 1\n",
           "sluice_workers 2\n",
           "# TYPE process_cpu_seconds_total counter\n",
           "\nprocess_open_fds ",
       }) {
    CAPTURE(std::string(line));
    CHECK(text->find(line) != std::string::npos);
  }
}

TEST_CASE("the process knows its own figures") {
  const auto figures = read_process();
  REQUIRE(figures);
  CHECK(figures->resident_bytes > 1'000'000);
  CHECK(figures->open_fds >= 3);
  CHECK(figures->open_fds < figures->max_fds);
  CHECK(figures->threads >= 1);
  CHECK(figures->start_time > 1.6e9);
}
