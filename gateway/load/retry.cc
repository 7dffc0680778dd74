#include "gateway/load/retry.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "proto/check.h"

namespace sluice::load {

using std::chrono::milliseconds;

namespace {

constexpr std::chrono::seconds edition_min{30};
// A crowd that has just come holds the times of the few that it was; a crash would find it with them.
constexpr std::chrono::seconds edition_min_grown{5};

bool moved(milliseconds before, milliseconds now) { return std::abs((now - before).count()) * 4 > before.count(); }
bool doubled(milliseconds before, milliseconds now) { return now > 2 * before; }

}  // namespace

RetryHints::RetryHints(config::RetryRange range)
    : range_(std::move(range)), interval_{range_.min, std::min(range_.min * 3 / 2, range_.max)}, told_(interval_) {
  check(range_.min <= range_.max, "retry.min ≤ retry.max: the configuration has checked it");
}

void RetryHints::adjust(const Situation& situation, TimePoint now) {
  milliseconds low = range_.min;
  for (const config::RetryStep& step : range_.steps)
    if (situation.load_percent > step.load_percent) low = std::max(low, step.min);
  // A few streams are spread as well: half of the shortest time at least.
  const double spread_ms =
      std::max(1000 * static_cast<double>(situation.streams) / std::max(situation.accept_rate, 1.0),
               static_cast<double>(low.count()) / 2);
  const auto room = range_.max - std::min(low, range_.max);
  truncated_ = spread_ms > static_cast<double>(room.count());
  const auto spread = truncated_ ? room : milliseconds(static_cast<std::int64_t>(std::ceil(spread_ms)));
  interval_ = {std::min(low, range_.max), std::min(low, range_.max) + spread};
  if (!told_at_) {
    told_ = interval_;
    told_at_ = now;
  } else if ((moved(told_.low, interval_.low) || moved(told_.high, interval_.high)) &&
             now - *told_at_ >= (doubled(told_.high, interval_.high) ? edition_min_grown : edition_min)) {
    told_ = interval_;
    told_at_ = now;
    ++edition_;
  }
}

milliseconds RetryHints::draw(Random& random) const {
  std::uniform_int_distribution<std::int64_t> pick(interval_.low.count(), interval_.high.count());
  return milliseconds(pick(random));
}

}  // namespace sluice::load
