#include "gateway/load/calendar.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::load {

using std::chrono::milliseconds;

namespace {

// Who comes back is a little late: a way through the network, a busy loop. So the places of the last half second count
// together, and a fifth more than there are, or many of those who kept their slot would find it taken.
constexpr std::int64_t window = 5;
constexpr std::int64_t spare_share = 5;

}  // namespace

Calendar::Calendar(milliseconds floor, milliseconds horizon)
    : floor_(floor), horizon_(std::max(horizon, floor + bin)) {}

// Rates below ten a second have whole places in some bins and none in the others.
std::int64_t Calendar::room(Index index) const {
  const double per_bin = rate_ * std::chrono::duration<double>(bin).count();
  const double before = static_cast<double>(index % 1'000'000) * per_bin;
  return std::min<std::int64_t>(static_cast<std::int64_t>(std::floor(before + per_bin) - std::floor(before)),
                                std::numeric_limits<std::uint16_t>::max());
}

void Calendar::advance(TimePoint now) {
  const Index current = index_of(now);
  if (bins_.empty()) {
    bins_.resize(static_cast<std::size_t>(horizon_ / bin) + 2 + window);
    now_ = current;
  }
  const Index passed = std::min<Index>(current - now_, static_cast<Index>(bins_.size()));
  for (Index index = 0; index < passed; ++index) at(now_ - window + 1 + index) = {};
  now_ = std::max(now_, current);
}

bool Calendar::admit(TimePoint now) {
  advance(now);
  std::int64_t admitted = 0, places = 0;
  for (Index index = now_ - window + 1; index <= now_; ++index) {
    admitted += at(index).admitted;
    places +=
        std::max<std::int64_t>(room(index), at(index).booked);  // a place that was given away at a higher rate holds
  }
  if (admitted >= places + places / spare_share) return false;
  ++at(now_).admitted;
  return true;
}

milliseconds Calendar::book(TimePoint now, std::mt19937_64& random) {
  advance(now);
  const Index earliest = index_of(now + floor_) + 1, last = index_of(now + horizon_);
  Index index = std::max(first_free_, earliest);
  while (index <= last && at(index).booked >= room(index)) ++index;
  first_free_ = index;
  if (index > last) {  // full: somewhere in the last half, evenly
    std::uniform_int_distribution<std::int64_t> pick((floor_ + (horizon_ - floor_) / 2).count(), horizon_.count());
    const milliseconds wait(pick(random));
    busy_until_ = std::max(busy_until_, now + wait + bin);
    return wait;
  }
  ++at(index).booked;
  std::uniform_int_distribution<std::int64_t> within(0, bin.count() - 1);
  const TimePoint instant{index * bin + milliseconds(within(random))};
  busy_until_ = std::max(busy_until_, TimePoint{(index + 1) * bin});
  return std::chrono::ceil<milliseconds>(instant - now);
}

}  // namespace sluice::load
