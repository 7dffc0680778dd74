#include "gateway/source/redis_pages.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "gateway/source/page_entry.h"

namespace sluice::source {

using proto::RedisReply;
using topic::GapReason;
using topic::NumberPair;

namespace {

constexpr const char* place = "pages";    // of its troubles
constexpr std::size_t keys_max = 10'000;  // of which it is kept how large their entries are

// The position just before a time: entries of that millisecond come after it.
std::string before(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return redis_id(redis_id_before({static_cast<std::uint64_t>(std::max<std::int64_t>(since, 0)), 0}));
}

}  // namespace

RedisPages::RedisPages(std::unique_ptr<RedisLink> link, Context& context, Poison& poison, Troubles& troubles,
                       RedisOrdinals& ordinals)
    : link_(std::move(link)),
      config_(context.config),
      poison_(poison),
      metrics_(context.metrics),
      troubles_(troubles),
      ordinals_(ordinals),
      backoff_(context.random()),
      retry_(context.io) {}

void RedisPages::start() {
  troubles_.expect(place);
  link_->up = [this] {
    if (troubles_.clear(place)) metrics_.reconnects.add();
    ask_waiting();
  };
  link_->down = [this](const std::string& why) {
    for (auto& [key, batch] : batches_) batch.start_again();
    troubles_.tell(place, why);
  };
  link_->start();
}

void RedisPages::stop() {
  retry_.cancel();
  link_->connection().stop();
}

void RedisPages::ask_waiting() {
  for (Read& read : std::exchange(waiting_, {})) ask(std::move(read));
}

void RedisPages::put_off(Read&& read, const std::string& why) {
  waiting_.push_back(std::move(read));
  if (!link_->is_up()) return;  // asked again when the connection is back
  troubles_.tell(place, "reading the past: " + why);
  if (waiting_.size() > 1) return;  // the timer runs
  retry_.expires_after(backoff_.next());
  retry_.async_wait([this](const boost::system::error_code& error) {
    if (!error) ask_waiting();
  });
}

void RedisPages::read(const std::string& key, const topic::ReadRequest& request, const topic::ReadLimits& limits,
                      topic::ReadDone done) {
  ask({key, request, limits, std::move(done)});
}

void RedisPages::ask(Read&& read) {
  std::string start = read.request.since ? before(*read.request.since) : read.request.after;
  ask(std::move(read), start.empty() ? "0-0" : start, {});
}

void RedisPages::ask(Read&& read, const std::string& start, std::optional<GapReason> gap) {
  if (!link_->is_up()) {
    waiting_.push_back(std::move(read));
    return;
  }
  if (batches_.size() >= keys_max) batches_.clear();
  read.count = std::min(read.limits.entries, batches_[read.key].count());
  const std::vector<std::vector<std::string>> commands = {
      {"XINFO", "STREAM", read.key}, {"XRANGE", read.key, "(" + start, "+", "COUNT", std::to_string(read.count)}};
  link_->transaction(commands, [this, read, start, gap](const boost::system::result<RedisReply>& reply) mutable {
    if (!reply) return put_off(std::move(read), reply.error().message());
    finish(std::move(read), start, gap, *reply);
  });
}

void RedisPages::finish(Read&& read, const std::string& start, std::optional<GapReason> gap, const RedisReply& reply) {
  if (reply.is_error()) return put_off(std::move(read), reply.text);
  std::optional<RedisStreamInfo> info = parse_stream_info(reply.elements[0]);
  if (!info && reply.elements[0].text.starts_with("WRONGTYPE")) info.emplace();  // as good as deleted
  if (!info) return put_off(std::move(read), reply.elements[0].text);
  backoff_.reset();
  troubles_.clear(place);
  metrics_.pages.add();
  topic::Page page;
  page.after = read.request.after;
  page.gap = gap;
  page.from = page.through = start;
  page.at_end = true;
  NumberPair asked = topic::parse_number_pair(start, '-').value_or(NumberPair{});
  if (read.request.since && asked > info->last) {  // a clock that is ahead of ours: nothing is there yet
    asked = info->last;
    page.from = page.through = redis_id(asked);
  }
  // Above all that the stream ever had: it was deleted and made anew, or a replica that knew less took over.
  if (!gap && !read.request.after.empty() && asked > info->last)
    return ask(std::move(read), "0-0", GapReason::recreated);
  // The entry at that id would still be there, of a stream that has lost none: it was one of another stream, made anew
  // by ids that go on above the old ones. Ids that are no entry's are 0-0, and the place before a time.
  const bool entry_asked = asked != NumberPair{} && asked.right != std::numeric_limits<std::uint64_t>::max();
  if (!gap && !read.request.after.empty() && entry_asked && info->removed() == 0 && info->length != 0 &&
      asked < info->first)
    return ask(std::move(read), "0-0", GapReason::recreated);
  const NumberPair oldest = info->length == 0 ? info->last : redis_id_before(info->first);
  std::optional<std::uint64_t> ordinal = ordinals_.find(read.key, asked);
  // As many are gone as there had been when the one that is asked from was the newest: it was the last to go.
  const bool last_gone = info->counted && ordinal == info->removed();
  if (info->removed() != 0 && asked < oldest && !last_gone) {
    // A page from the oldest, or from a time, begins where there is something: nothing was promised before.
    if (!gap && !read.request.after.empty()) page.gap = GapReason::trimmed;
    page.from = page.through = redis_id(oldest);
  }
  if (asked <= oldest) ordinal = info->removed();  // it begins with the oldest that there is
  std::size_t bytes = 0;
  const std::vector<RedisEntry> entries = parse_entries(reply.elements[1]);
  page.at_end = entries.size() < read.count;
  batches_[read.key].note(!page.at_end, std::max(largest_entry(reply.elements[1]), info->newest_size));
  for (const RedisEntry& entry : entries) {
    if (bytes > read.limits.bytes) {
      page.at_end = false;
      break;
    }
    page.through = redis_id(entry.id);
    if (ordinal) ordinals_.add(read.key, entry.id, ++*ordinal);
    topic::Event event = to_event(entry, config_.map);
    if (!poison_.pass(event, page.through)) continue;
    page.entries.push_back(page_entry(config_, read.request.topics.front(), event, page.through));
    bytes += page.entries.back()->size();
  }
  // The newest may be deleted: whoever has all that there is stands where the stream does.
  if (page.at_end && topic::parse_number_pair(page.through, '-').value_or(NumberPair{}) < info->last)
    page.through = redis_id(info->last);
  read.done(std::make_shared<const topic::Page>(std::move(page)));
}

}  // namespace sluice::source
