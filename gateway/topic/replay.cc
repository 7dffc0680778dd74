#include "gateway/topic/replay.h"

#include <utility>

namespace sluice::topic {

namespace {

std::string topics_of(const ReadRequest& request) {
  std::string text;
  for (const std::string& topic : request.topics) text.append(topic).push_back('\0');
  return text;
}

std::string key_of(const ReadRequest& request) {
  std::string text = topics_of(request);
  if (request.since)
    text += '@' + std::to_string(request.since->time_since_epoch().count());
  else
    text += request.after;
  return text;
}

}  // namespace

Replays::Replays(const PositionFormat& format, Read read, Limits limits)
    : format_(format), read_(std::move(read)), limits_(limits) {}

bool Replays::covers(const Page& page, const std::string& after) const {
  // A page from the oldest begins nowhere that could be compared.
  return !page.after.empty() && format_.compare(page.after, after) <= 0 && format_.compare(after, page.through) < 0;
}

PagePtr Replays::find(const ReadRequest& request, TimePoint now) {
  const auto use = [&](std::list<Kept>::iterator kept) {
    kept->used = now;
    kept_.splice(kept_.begin(), kept_, kept);
    return kept->page;
  };
  if (const auto exact = by_key_.find(key_of(request)); exact != by_key_.end()) return use(exact->second);
  if (request.since || request.after.empty()) return nullptr;
  const std::string topics = topics_of(request);
  for (auto kept = kept_.begin(); kept != kept_.end(); ++kept)
    if (kept->topics == topics && covers(*kept->page, request.after)) return use(kept);
  return nullptr;
}

void Replays::want(ReadRequest request, TimePoint now, ReadDone done) {
  if (PagePtr page = find(request, now)) return done(std::move(page));
  start(std::move(request), now, std::move(done));
}

void Replays::start(ReadRequest request, TimePoint now, ReadDone done) {
  const std::string key = key_of(request);
  if (const auto same = in_flight_.find(key); same != in_flight_.end()) {
    same->second.push_back(std::move(done));
    return;
  }
  if (in_flight_.size() >= limits_.in_flight) {
    queue_.push_back({std::move(request), std::move(done)});
    return;
  }
  in_flight_[key].push_back(std::move(done));
  ++reads_;
  read_(request, [this, request, key, now](const PagePtr& page) { finish(request, key, now, page); });
}

void Replays::finish(const ReadRequest& request, const std::string& key, TimePoint now, const PagePtr& page) {
  const auto found = in_flight_.find(key);
  const std::vector<ReadDone> askers = std::move(found->second);
  in_flight_.erase(found);
  if (page && !page->entries.empty()) keep(request, key, now, page);
  for (const ReadDone& done : askers) done(page);
  serve_queue(now);
}

void Replays::serve_queue(TimePoint now) {
  if (std::exchange(serving_, true)) return;  // an answer in the call itself: the loop below goes on
  for (std::size_t count = queue_.size(); count != 0 && !queue_.empty(); --count) {
    Waiting waiting = std::move(queue_.front());
    queue_.pop_front();
    want(std::move(waiting.request), now, std::move(waiting.done));
  }
  serving_ = false;
}

void Replays::keep(const ReadRequest& request, const std::string& key, TimePoint now, const PagePtr& page) {
  if (const auto old = by_key_.find(key); old != by_key_.end()) drop(old->second);
  kept_.push_front({topics_of(request), key, page, now});
  by_key_[key] = kept_.begin();
  bytes_ += page->footprint();
  while (bytes_ > limits_.bytes && !kept_.empty()) drop(std::prev(kept_.end()));
}

void Replays::drop(std::list<Kept>::iterator kept) {
  bytes_ -= kept->page->footprint();
  by_key_.erase(kept->key);
  kept_.erase(kept);
}

void Replays::expire(TimePoint now) {
  while (!kept_.empty() && kept_.back().used + limits_.unused < now) drop(std::prev(kept_.end()));
}

}  // namespace sluice::topic
