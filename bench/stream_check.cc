#include "bench/stream_check.h"

#include <algorithm>
#include <cstring>

namespace sluice::bench {
namespace {

constexpr std::size_t id_bytes_max = 512;       // of an id that is looked for in place
constexpr std::size_t ranges_remembered = 256;  // of each stream, the last: to tell late from repeated

// "name:" or "name: " at the beginning of `text`: how long it is, else 0.
std::size_t field_name_size(std::string_view text, std::string_view name) {
  if (!text.starts_with(name)) return 0;
  return name.size() + (text.size() > name.size() && text[name.size()] == ' ' ? 1 : 0);
}

}  // namespace

StreamCheck::StreamCheck(const Options& options, Tally& tally, Recorder& recorder)
    : options_(options),
      filler_(options.payload_bytes - std::min(options.payload_bytes, payload_bytes_min), 'x'),
      tally_(tally),
      recorder_(recorder) {}

StreamCheck::~StreamCheck() = default;

void StreamCheck::feed(StreamPlace& place, std::string_view bytes, std::uint64_t now, std::uint64_t since) {
  if (bytes.empty()) return;
  place_ = &place;
  now_ = now;
  since_ = since;
  deliveries_ = 0;
  has_id_ = false;
  Slice& slice = recorder_.slice();
  latency_ = place.slow ? &tally_.slow_latency : &slice.latency;
  tally_.bytes.add(bytes.size());
  slice.bytes += bytes.size();
  while (!bytes.empty()) {
    std::size_t taken = 0;
    if (place.begun && place.parser == 0 && options_.ours) taken = take_in_place(bytes);
    if (taken == 0) taken = take_parsed(bytes);
    bytes.remove_prefix(taken);
  }
  keep_id();
  if (deliveries_ == 0) return;
  slice.deliveries += deliveries_;
  if (tally_.first_delivery.value() == 0) tally_.first_delivery.set(now);
  tally_.last_delivery.set(now);
  tally_.deliveries.add(deliveries_);
}

// How many bytes the event has; 0: it is not of the usual shape, or not all there.
std::size_t StreamCheck::take_in_place(std::string_view bytes) {
  std::size_t at = field_name_size(bytes, "id:");
  std::string_view id;
  const bool has_id = at != 0;
  if (has_id) {
    const std::string_view line = bytes.substr(at, id_bytes_max);
    const std::size_t end = line.find('\n');
    if (end == line.npos) return 0;
    id = line.substr(0, end);
    if (id.find('\r') != id.npos || id.find('\0') != id.npos) return 0;
    at += end + 1;
  }
  const std::size_t name = field_name_size(bytes.substr(at), "data:");
  at += name;
  const std::size_t size = at + options_.payload_bytes + 2;
  if (name == 0 || bytes.size() < size || bytes[size - 1] != '\n' || bytes[size - 2] != '\n') return 0;
  const std::string_view text = bytes.substr(at, options_.payload_bytes);
  const auto payload = parse_payload(text);
  if (!payload || std::memcmp(text.data() + payload_bytes_min, filler_.data(), filler_.size()) != 0) return 0;
  if (has_id) {
    id_ = id;
    has_id_ = true;
  }
  take(*payload);
  return size;
}

// Gives a parser the bytes up to the next blank line, or all; returns how many.
std::size_t StreamCheck::take_parsed(std::string_view bytes) {
  keep_id();
  proto::sse::Parser& parser = borrow();
  const std::size_t blank = bytes.find("\n\n");
  const std::size_t size = blank == bytes.npos ? bytes.size() : blank + 2;
  place_->begun = true;
  if (!parser.feed(bytes.substr(0, size))) {
    count_fault(tally_.malformed, &Faults::malformed);
    parser.restart();
  }
  if (parser.between_events()) give_back();
  return size;
}

void StreamCheck::keep_id() {
  if (!has_id_) return;
  place_->last_event_id.assign(id_);
  has_id_ = false;
}

proto::sse::Parser& StreamCheck::borrow() {
  if (place_->parser == 0) {
    if (free_parsers_.empty()) {
      proto::sse::ParserVisitor& visitor = *this;
      parsers_.push_back(std::make_unique<proto::sse::Parser>(visitor));
      free_parsers_.push_back(static_cast<std::uint32_t>(parsers_.size()));
    }
    place_->parser = free_parsers_.back();
    free_parsers_.pop_back();
    proto::sse::Parser& parser = *parsers_[place_->parser - 1];
    parser.go_on(place_->last_event_id);
    if (!place_->begun) parser.restart();  // a byte order mark may come (HTML §9.2.5)
  }
  return *parsers_[place_->parser - 1];
}

void StreamCheck::give_back() {
  place_->last_event_id = parsers_[place_->parser - 1]->last_event_id();
  free_parsers_.push_back(std::exchange(place_->parser, 0));
}

void StreamCheck::cut(StreamPlace& place) {
  place.begun = false;
  if (place.parser == 0) return;
  place_ = &place;
  give_back();
}

void StreamCheck::on_retry(std::chrono::milliseconds time) {
  place_->retry_ms = static_cast<std::uint32_t>(time.count());
}

void StreamCheck::on_event(const proto::sse::EventView& event) {
  if (event.type.starts_with("sluice.")) {
    if (event.type == "sluice.gap") count_fault(tally_.gaps, &Faults::gaps);
    return;
  }
  const auto payload = parse_payload(event.data);
  if (options_.ours) {
    if (payload && event.data.size() == options_.payload_bytes &&
        event.data.find_first_not_of('x', payload_bytes_min) == event.data.npos)
      take(*payload);
    else
      count_fault(tally_.malformed, &Faults::malformed);
    return;
  }
  ++deliveries_;
  if (payload && options_.timed) time(*payload);
}

void StreamCheck::take(const Payload& payload) {
  if (payload.sequence == place_->next) [[likely]]
    ++place_->next;
  else if (!judge(payload.sequence))
    return;
  ++deliveries_;
  time(payload);
}

void StreamCheck::time(const Payload& payload) {
  Histogram& into = payload.scheduled < since_ ? tally_.caught_up : *latency_;
  into.record(now_ > payload.scheduled ? now_ - payload.scheduled : 0);
}

// Of an event that is not the next one: false when nobody published it.
bool StreamCheck::judge(std::uint64_t sequence) {
  StreamPlace& place = *place_;
  const std::uint64_t published = options_.published != nullptr
                                      ? options_.published[place.topic].load(std::memory_order_acquire)
                                      : options_.published_max;
  if (sequence >= published) {
    count_fault(tally_.malformed, &Faults::malformed);
    return false;
  }
  if (place.next == StreamPlace::unknown) {
    place.next = sequence + 1;
    return true;
  }
  if (sequence > place.next) {
    const SequenceRange hole{place.next, sequence};
    tally_.losses[place.topic].missed(hole);
    tally_.lost.add(hole.to - hole.from);
    recorder_.slice().lost += hole.to - hole.from;
    std::vector<SequenceRange>& holes = holes_[&place];
    if (holes.size() == ranges_remembered) holes.erase(holes.begin());
    holes.push_back(hole);
    place.holes = true;
    place.next = sequence + 1;
    return true;
  }
  if (place.holes) {
    std::vector<SequenceRange>& holes = holes_[&place];
    const auto hole = std::ranges::find_if(
        holes, [&](const SequenceRange& each) { return each.from <= sequence && sequence < each.to; });
    if (hole != holes.end()) {
      const SequenceRange rest{sequence + 1, std::exchange(hole->to, sequence)};
      if (rest.from != rest.to)
        holes.insert(std::next(hole), rest);
      else if (hole->from == hole->to)
        holes.erase(hole);
      tally_.losses[place.topic].came(sequence);
      tally_.lost.subtract(1);
      count_fault(tally_.reordered, &Faults::reordered);
      return true;
    }
  }
  count_fault(tally_.repeated, &Faults::repeated);
  return true;
}

void StreamCheck::count_fault(Count& count, std::uint64_t Faults::*fault) {
  count.add(1);
  ++(tally_.faults[place_->topic].*fault);
}

void StreamCheck::finish(StreamPlace& place, std::uint64_t published) {
  if (place.next == StreamPlace::unknown || published <= place.next) return;
  tally_.losses[place.topic].missed({place.next, published});
  tally_.lost.add(published - place.next);
}

}  // namespace sluice::bench
