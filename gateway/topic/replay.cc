#include "gateway/topic/replay.h"

#include <algorithm>
#include <utility>

namespace sluice::topic {

Replays::Replays(const PositionFormat& format, Read read, LastAppended last_appended, Limits limits)
    : format_(format), read_(std::move(read)), last_appended_(std::move(last_appended)), limits_(limits) {}

// --- Pages that are here -------------------------------------------------------------------------------------------

bool Replays::covers(const Page& page, const std::string& after) const {
  // A page from the oldest begins nowhere that could be compared. One that tells of another stream than the one asked
  // for is an answer to who stood in the old one.
  if (page.gap && page.gap != GapReason::trimmed) return false;
  return !page.after.empty() && format_.compare(page.after, after) <= 0 && format_.compare(after, page.through) < 0;
}

PagePtr Replays::find(const ReadRequest& request, const std::string& key, TimePoint now) {
  const auto use = [&](KeptList::iterator kept) {
    kept->used = now;
    kept_.splice(kept_.begin(), kept_, kept);
    return kept->page;
  };
  const auto fresh = [&](KeptList::iterator kept) { return now - kept->read < limits_.age; };
  if (const auto exact = by_key_.find(key); exact != by_key_.end() && fresh(exact->second)) return use(exact->second);
  if (request.since || request.after.empty()) return nullptr;
  const auto pages = by_topics_.find(request.topics_text());
  if (pages == by_topics_.end()) return nullptr;
  for (const auto kept : pages->second)
    if (fresh(kept) && covers(*kept->page, request.after)) return use(kept);
  return nullptr;
}

void Replays::keep(const Asked& asked, const std::string& key, TimePoint now, const PagePtr& page) {
  if (const auto old = by_key_.find(key); old != by_key_.end()) drop(old->second);
  kept_.push_front({.topics = asked.request.topics_text(), .key = key, .page = page, .read = now, .used = now});
  by_key_[key] = kept_.begin();
  by_topics_[kept_.front().topics].push_back(kept_.begin());
  bytes_ += page->footprint();
  while (bytes_ > limits_.bytes && !kept_.empty()) drop(std::prev(kept_.end()));
}

void Replays::drop(KeptList::iterator kept) {
  bytes_ -= kept->page->footprint();
  by_key_.erase(kept->key);
  const auto pages = by_topics_.find(kept->topics);
  std::erase(pages->second, kept);
  if (pages->second.empty()) by_topics_.erase(pages);
  kept_.erase(kept);
}

void Replays::expire(TimePoint now) {
  for (auto kept = kept_.begin(); kept != kept_.end();) {
    const auto next = std::next(kept);
    if (kept->used + limits_.unused < now || kept->read + limits_.age <= now) drop(kept);
    kept = next;
  }
}

void Replays::forget() {
  ++forgot_;
  while (!kept_.empty()) drop(kept_.begin());
}

// --- Pages that the engine is asked for ----------------------------------------------------------------------------

void Replays::want(ReadRequest request, TimePoint now, ReadDone done) {
  const std::string key = request.key();
  if (PagePtr page = find(request, key, now)) return done(std::move(page));
  for (auto* asked : {&in_flight_, &waiting_})
    if (const auto same = asked->find(key); same != asked->end()) {
      same->second.askers.push_back(std::move(done));
      return;
    }
  Asked asked{.request = std::move(request)};
  asked.askers.push_back(std::move(done));
  if (in_flight_.size() < limits_.in_flight) return start(key, std::move(asked), now);
  waiting_.emplace(key, std::move(asked));
  queue_.push_back(key);
}

void Replays::start(const std::string& key, Asked&& asked, TimePoint now) {
  const ReadRequest request = asked.request;
  asked.appended = last_appended_();
  asked.forgot = forgot_;
  in_flight_.emplace(key, std::move(asked));
  ++reads_;
  read_(request, [this, key, now](PagePtr page) { finish(key, now, std::move(page)); });
}

void Replays::finish(const std::string& key, TimePoint now, PagePtr page) {
  const Asked asked = std::move(in_flight_.extract(key).mapped());
  if (page && !page->entries.empty()) {
    if (asked.forgot == forgot_) keep(asked, key, now, page);
  } else if (page) {
    auto dated = std::make_shared<Page>(*page);
    dated->appended = asked.appended;
    page = std::move(dated);
  }
  for (const ReadDone& done : asked.askers) done(page);
  serve_queue(now);
}

// Whoever waits is answered by a page that has come meanwhile, or is the next whom the engine is asked for.
void Replays::serve_queue(TimePoint now) {
  if (std::exchange(serving_, true)) return;  // an answer in the call itself: the loop below goes on
  while (!queue_.empty() && in_flight_.size() < limits_.in_flight) {
    const std::string key = std::move(queue_.front());
    queue_.pop_front();
    Asked asked = std::move(waiting_.extract(key).mapped());
    if (const PagePtr page = find(asked.request, key, now))
      for (const ReadDone& done : asked.askers) done(page);
    else
      start(key, std::move(asked), now);
  }
  serving_ = false;
}

}  // namespace sluice::topic
