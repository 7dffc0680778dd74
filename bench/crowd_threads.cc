#include "bench/crowd_threads.h"

#include <algorithm>
#include <thread>

namespace sluice::bench {

CrowdThreads::CrowdThreads(const CrowdSetup& setup) : setup_(setup) {
  const unsigned count = std::max(1U, setup.plan.crowd.threads);
  for (unsigned index = 0; index < count; ++index)
    threads_.push_back(std::make_unique<CrowdThread>(setup, index, count));
}

void CrowdThreads::begin() {
  for (const auto& thread : threads_) thread->begin();
}

void CrowdThreads::grow(unsigned connections, bool joins_late) {
  connections_ = std::max(connections_.load(), connections);
  each([&](CrowdThread& thread) { thread.grow(connections, joins_late); });
}

void CrowdThreads::close(std::chrono::milliseconds at_most) {
  each([](CrowdThread& thread) { thread.close(); });
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  const auto all_closed = [&] {
    bool all = true;
    each([&](CrowdThread& thread) { all = all && thread.all_closed(); });
    return all;
  };
  while (!all_closed() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the threads work; nothing depends on when they end
  each([](CrowdThread& thread) { thread.destroy_connections(); });
  end();
}

void CrowdThreads::end() {
  for (const auto& thread : threads_) thread->thread().end();
}

CrowdTotals CrowdThreads::totals() const {
  CrowdTotals sum;
  for (const auto& thread : threads_) {
    const Tally& tally = thread->tally();
    sum.deliveries += tally.deliveries.value();
    sum.bytes += tally.bytes.value();
    sum.lost += tally.lost.value();
    sum.repeated += tally.repeated.value();
    sum.reordered += tally.reordered.value();
    sum.malformed += tally.malformed.value();
    sum.gaps += tally.gaps.value();
    sum.streams_open += tally.streams_open.value();
    sum.connections_open += tally.connections_open.value();
    sum.opened_once += tally.opened_once.value();
    sum.heard += tally.heard.value();
    sum.reconnects += tally.reconnects.value();
    sum.ended += tally.ended.value();
    sum.closed_for_good += tally.closed_for_good.value();
    sum.failed_attempts += tally.failed_attempts.value();
    sum.handshakes += tally.handshakes.value();
    sum.dropped += tally.dropped.value();
    sum.back += tally.back.value();
    sum.slow_ended += tally.slow_ended.value();
  }
  return sum;
}

CrowdThread::Trouble CrowdThreads::trouble() const {
  CrowdThread::Trouble first;
  for (const auto& thread : threads_) {
    CrowdThread::Trouble trouble = thread->trouble();
    if (first.failure.empty() || (trouble.hopeless && !first.hopeless)) first.failure = std::move(trouble.failure);
    if (first.refusal.empty()) first.refusal = std::move(trouble.refusal);
    first.hopeless = first.hopeless || trouble.hopeless;
  }
  return first;
}

std::uint64_t CrowdThreads::streams() const { return std::uint64_t{connections_.load()} * setup_.plan.crowd.streams; }

std::uint64_t CrowdThreads::streams_on(unsigned topic) const {
  const std::uint64_t topics = setup_.plan.crowd.topics;
  return streams() / topics + (topic < streams() % topics ? 1 : 0);
}

}  // namespace sluice::bench
