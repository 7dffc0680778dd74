#include "gateway/serve/page_reads.h"

#include <algorithm>
#include <utility>

namespace sluice::serve {

namespace {

std::string key_of(topic::SourceIndex source, const topic::ReadRequest& request) {
  return std::to_string(source) + ' ' + request.key();
}

}  // namespace

bool PageReads::add(topic::SourceIndex source, const topic::ReadRequest& request, Asker asker) {
  const auto [found, is_new] = waiting_.try_emplace(key_of(source, request));
  Waiting& waiting = found->second;
  waiting.askers.push_back(asker);
  if (waiting.askers.size() >= waiting.look_again) {
    std::erase_if(waiting.askers, [this](const Asker& listed) { return !alive_(listed.stream); });
    waiting.look_again = std::max<std::size_t>(64, 2 * waiting.askers.size());
  }
  return is_new;
}

std::vector<PageReads::Asker> PageReads::take(topic::SourceIndex source, const topic::ReadRequest& request) {
  const auto found = waiting_.find(key_of(source, request));
  if (found == waiting_.end()) return {};
  std::vector<Asker> askers = std::move(found->second.askers);
  waiting_.erase(found);
  return askers;
}

std::size_t PageReads::asker_count() const {
  std::size_t count = 0;
  for (const auto& [key, waiting] : waiting_) count += waiting.askers.size();
  return count;
}

}  // namespace sluice::serve
