#include "gateway/source/line_feed.h"

#include <utility>

#include "gateway/source/topic_below.h"

namespace sluice::source {

LineFeed::LineFeed(const Context& context)
    : name_(context.config.name),
      limits_(context.limits),
      own_only_(context.config.map.topic.empty() && (context.config.format == config::Source::Format::lines ||
                                                     context.config.format == config::Source::Format::sse)),
      home_(context.home),
      metrics_(context.metrics),
      poison_(context.limits, context.metrics),
      losses_(context.home, context.metrics),
      reader_(context.config, context.limits, *this) {}

void LineFeed::feed(std::string_view bytes, topic::TimePoint now) {
  now_ = now;
  reader_.feed(bytes);
}

bool LineFeed::finish(bool whole, topic::TimePoint now) {
  now_ = now;
  return reader_.finish(whole);
}

void LineFeed::open(const std::string& topic, topic::TimePoint now,
                    const std::function<void(topic::OpenResult)>& done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void LineFeed::on_event(const std::string& below, topic::Event&& event, bool mended) {
  const auto topic = topic_below(name_, below, limits_.topic_name);
  if (!topic) return poison_.count("no topic can be called as it says: dropped");
  if (!poison_.pass(event, {}, mended)) return;
  // Opened each time: its home closes topics that are empty and unused.
  const auto index = home_.open(*topic, now_);
  if (!index) {
    home_.pass_over({}, now_);
    return poison_.count("more topics than limits.topics: dropped");
  }
  home_.append(*index, event, now_);
  losses_.on_event(*index);
  metrics_.events.add();
}

}  // namespace sluice::source
