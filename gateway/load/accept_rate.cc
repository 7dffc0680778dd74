#include "gateway/load/accept_rate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::load {

namespace {

constexpr double share_for_arrivals = 0.5;  // of each worker's core, less what it delivers
constexpr double share_min = 0.05;          // even where deliveries take all of it
// Measured on a virtual machine of 2026 at 2.8 GHz; together they make 2,000 arrivals a second and worker.
constexpr double handshake_seconds_first = 220e-6, subscribe_seconds_first = 30e-6, byte_seconds_first = 2e-9;
// So many measurements outweigh what was known before.
constexpr double measurements_full = 200;
constexpr double load_memory_seconds = 3;
constexpr std::uint64_t sent_bytes_min = 1'000'000;  // fewer say little about what a byte costs

void learn(double& known, double seen, double measurements) {
  known += (seen - known) * std::min(1.0, measurements / measurements_full);
}

}  // namespace

ArrivalCosts& ArrivalCosts::operator+=(const ArrivalCosts& other) {
  handshake_ns += other.handshake_ns;
  handshakes += other.handshakes;
  subscribe_ns += other.subscribe_ns;
  subscribes += other.subscribes;
  replay_bytes += other.replay_bytes;
  return *this;
}

AcceptRate::AcceptRate(unsigned workers, double ceiling)
    : workers_(workers),
      ceiling_(ceiling > 0 ? ceiling : std::numeric_limits<double>::max()),
      handshake_seconds_(handshake_seconds_first),
      subscribe_seconds_(subscribe_seconds_first),
      byte_seconds_(byte_seconds_first) {}

void AcceptRate::take(const ArrivalCosts& costs, std::uint64_t cpu_ns, std::uint64_t sent_bytes, double seconds) {
  if (seconds <= 0) return;
  const auto handshakes = static_cast<double>(costs.handshakes - last_.handshakes);
  const auto subscribes = static_cast<double>(costs.subscribes - last_.subscribes);
  const double handshake = 1e-9 * static_cast<double>(costs.handshake_ns - last_.handshake_ns);
  const double subscribe = 1e-9 * static_cast<double>(costs.subscribe_ns - last_.subscribe_ns);
  const auto replay = static_cast<double>(costs.replay_bytes - last_.replay_bytes);
  if (handshakes > 0) learn(handshake_seconds_, handshake / handshakes, handshakes);
  if (subscribes > 0) {
    learn(subscribe_seconds_, subscribe / subscribes, subscribes);
    learn(replay_bytes_, replay / subscribes, subscribes);
  }
  const std::uint64_t sent = sent_bytes - last_sent_bytes_;
  const double delivering = std::max(1e-9 * static_cast<double>(cpu_ns - last_cpu_ns_) - handshake - subscribe, 0.0);
  if (sent >= sent_bytes_min) learn(byte_seconds_, delivering / static_cast<double>(sent), 20);
  // What resumed streams caught up with belongs to the arrivals.
  const double lasting = std::max(delivering - replay * byte_seconds_, 0.0) / seconds;
  delivery_load_ += (lasting - delivery_load_) * (1 - std::exp(-seconds / load_memory_seconds));
  last_ = costs;
  last_cpu_ns_ = cpu_ns;
  last_sent_bytes_ = sent_bytes;
}

double AcceptRate::arrival_seconds() const {
  return handshake_seconds_ + subscribe_seconds_ + replay_bytes_ * byte_seconds_;
}

double AcceptRate::per_second() const {
  const double cores = std::max(workers_ * share_for_arrivals - delivery_load_, workers_ * share_min);
  return std::clamp(cores / std::max(arrival_seconds(), 1e-6), 1.0, ceiling_);
}

}  // namespace sluice::load
