#include "gateway/serve/questions.h"

#include <algorithm>
#include <utility>

namespace sluice::serve {

bool Questions::add(const Question& question, Asker asker) {
  const auto [found, is_new] = waiting_.try_emplace(question);
  Waiting& waiting = found->second;
  waiting.askers.push_back(asker);
  if (waiting.askers.size() >= waiting.look_again) {
    std::erase_if(waiting.askers, [this](const Asker& listed) { return !alive_(listed.stream); });
    waiting.look_again = std::max<std::size_t>(64, 2 * waiting.askers.size());
  }
  return is_new;
}

std::vector<Questions::Asker> Questions::take(const Question& question) {
  const auto found = waiting_.find(question);
  if (found == waiting_.end()) return {};
  std::vector<Asker> askers = std::move(found->second.askers);
  waiting_.erase(found);
  return askers;
}

std::vector<Question> Questions::drop_unwanted() {
  std::vector<Question> dropped;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    std::vector<Asker>& askers = at->second.askers;
    while (!askers.empty() && !alive_(askers.back().stream)) askers.pop_back();  // looks at one that is there, at most
    if (!askers.empty()) {
      ++at;
      continue;
    }
    dropped.push_back(at->first);
    at = waiting_.erase(at);
  }
  return dropped;
}

std::size_t Questions::asker_count() const {
  std::size_t count = 0;
  for (const auto& [question, waiting] : waiting_) count += waiting.askers.size();
  return count;
}

}  // namespace sluice::serve
