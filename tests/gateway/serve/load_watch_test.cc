#include "gateway/serve/load_watch.h"

#include <doctest/doctest.h>

using namespace sluice;

namespace {

struct Watched {
  explicit Watched(std::uint64_t memory) {
    limits.memory = memory;
    serve::LoadWatch watch(limits, {}, state, metrics.load());
    watch.on_tick(std::chrono::steady_clock::now());
  }
  config::Limits limits;
  load::State state;
  observe::Metrics metrics{1};
};

}  // namespace

TEST_CASE("above 95 % of limits.memory the rest is to be given back; below it nothing") {
  CHECK(Watched(std::uint64_t{1} << 40).state.memory_excess.load() == 0);
  const Watched full(1024 * 1024);
  CHECK(full.state.memory_full.load());
  CHECK(full.state.memory_excess.load() > 1'000'000);
}
