// Openings: the topics of one source that are being opened, and which workers wait for each, so that the source is
// asked once for a topic, however many want it, and drops what nobody wants any more. Owned by the source's home
// worker, on its thread. It never asks or answers: it says whom to.
// Invariant: a topic stands in it from the first worker that wants it until the source has answered, or nobody has
// waited for the linger.
#pragma once

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/topic/entry.h"

namespace sluice::serve {

class Openings {
 public:
  // True: it was not being opened, so that the source is to be asked.
  [[nodiscard]] bool add(const std::string& topic, unsigned worker) {
    const auto [found, is_new] = openings_.try_emplace(topic);
    std::vector<unsigned>& workers = found->second.workers;
    if (std::ranges::find(workers, worker) == workers.end()) workers.push_back(worker);
    return is_new;
  }
  // None of that worker's streams waits for it any more.
  void leave(const std::string& topic, unsigned worker, topic::TimePoint now) {
    const auto found = openings_.find(topic);
    if (found == openings_.end()) return;
    std::erase(found->second.workers, worker);
    found->second.left = now;
  }
  // The source has answered: the workers to be told.
  [[nodiscard]] std::vector<unsigned> take(const std::string& topic) {
    auto taken = openings_.extract(topic);
    return taken.empty() ? std::vector<unsigned>() : std::move(taken.mapped().workers);
  }
  // Those for which nobody has waited since the linger: the source is to drop them.
  [[nodiscard]] std::set<std::string> expire(topic::TimePoint now, std::chrono::milliseconds linger) {
    std::set<std::string> expired;
    std::erase_if(openings_, [&](const auto& entry) {
      const auto& [topic, opening] = entry;
      const bool unwanted = opening.workers.empty() && opening.left + linger <= now;
      if (unwanted) expired.insert(topic);
      return unwanted;
    });
    return expired;
  }
  [[nodiscard]] std::size_t count() const { return openings_.size(); }

 private:
  struct Opening {
    std::vector<unsigned> workers;
    topic::TimePoint left{};  // when one of them went
  };
  std::unordered_map<std::string, Opening> openings_;  // by topic
};

}  // namespace sluice::serve
