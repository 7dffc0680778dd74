// measure(): what one call of something costs, printed as a row "name  ns/op  spread" of ns per call.
// The median of several runs, so that one interrupted run changes nothing; the number of calls per run is found by
// doubling until a run takes 20 ms. For the micro-benchmarks only: it finds a regression before a socket hides it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace sluice::bench {

// The compiler must assume that `value` is read and its memory changed: nothing that made it is optimised away.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

// Calls `operation()` very often. `per_call`: how many operations one call is.
template <class Operation>
double measure(const char* name, Operation operation, double per_call = 1) {
  const auto run = [&](std::uint64_t calls) {
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t call = 0; call < calls; ++call) operation();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  };
  constexpr double run_ns_min = 20e6;
  std::uint64_t calls = 1;
  while (run(calls) < run_ns_min) calls *= 2;

  std::array<double, 9> costs{};
  for (double& cost : costs) cost = run(calls) / (static_cast<double>(calls) * per_call);
  std::sort(costs.begin(), costs.end());
  const double median = costs[costs.size() / 2];
  std::printf("%-44s %10.1f ns/op  %+.0f %%\n", name, median, (costs.back() / costs.front() - 1) * 100);
  std::fflush(stdout);
  return median;
}

}  // namespace sluice::bench
