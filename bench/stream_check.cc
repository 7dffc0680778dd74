#include "bench/stream_check.h"

#include <algorithm>
#include <cstring>

namespace sluice::bench {
namespace {

constexpr std::string_view data_field = "data: ";
constexpr std::size_t missing_max = 1024;

}  // namespace

void StreamCheck::feed(std::string_view bytes, std::uint64_t now) {
  now_ = now;
  tally_.bytes += bytes.size();
  const std::uint64_t before = tally_.deliveries;
  while (!bytes.empty()) {
    if (!inside_block_ && block_bytes_ != 0 && take_in_place(bytes))
      bytes.remove_prefix(block_bytes_);
    else
      bytes.remove_prefix(take_parsed(bytes));
  }
  if (tally_.deliveries == before) return;
  if (before == 0) tally_.first = now;
  tally_.last = now;
}

bool StreamCheck::take_in_place(std::string_view bytes) {
  if (bytes.size() < block_bytes_ || bytes[block_bytes_ - 1] != '\n' || bytes[block_bytes_ - 2] != '\n') return false;
  if (std::memcmp(bytes.data() + data_at_, data_field.data(), data_field.size()) != 0) return false;
  const auto payload = parse_payload(bytes.substr(data_at_ + data_field.size(), payload_bytes_));
  if (!payload) return false;
  take(*payload);
  return true;
}

// Gives the parser the bytes up to the next blank line; returns how many.
std::size_t StreamCheck::take_parsed(std::string_view bytes) {
  std::size_t end = bytes.size();
  bool whole = false;
  if (inside_block_ && last_ == '\n' && bytes.front() == '\n') {
    end = 1;
    whole = true;
  } else if (const std::size_t blank = bytes.find("\n\n"); blank != std::string_view::npos) {
    end = blank + 2;
    whole = true;
  }
  const std::string_view block = bytes.substr(0, end);
  const std::uint64_t parsed = tally_.parsed;
  if (!parser_.feed(block)) {
    ++tally_.malformed;
    parser_.restart();
  }
  if (whole && !inside_block_ && !thorough_ && tally_.parsed == parsed + 1) learn_layout(block);
  inside_block_ = !whole;
  last_ = block.back();
  return end;
}

void StreamCheck::learn_layout(std::string_view block) {
  const std::size_t data = block.find(data_field);
  const bool fits = data != std::string_view::npos && data + data_field.size() + payload_bytes_ + 2 == block.size();
  block_bytes_ = fits ? block.size() : 0;
  data_at_ = data;
}

void StreamCheck::on_event(const proto::sse::EventView& event) {
  if (event.type.starts_with("sluice.")) {
    if (event.type == "sluice.gap") ++tally_.gaps;
    return;
  }
  const auto payload = parse_payload(event.data);
  if (!payload || event.data.size() != payload_bytes_ ||
      event.data.find_first_not_of('x', payload_bytes_min) != std::string_view::npos) {
    ++tally_.malformed;
    return;
  }
  ++tally_.parsed;
  take(*payload);
}

void StreamCheck::take(const Payload& payload) {
  ++tally_.deliveries;
  tally_.latency.record(now_ > payload.scheduled ? now_ - payload.scheduled : 0);
  if (payload.sequence == next_) [[likely]] {
    ++next_;
    return;
  }
  if (payload.sequence > next_) {
    tally_.lost += payload.sequence - next_;
    for (; next_ < payload.sequence; ++next_)
      if (missing_.size() < missing_max) missing_.push_back(next_);
    ++next_;
    return;
  }
  if (const auto late = std::ranges::find(missing_, payload.sequence); late != missing_.end()) {
    missing_.erase(late);
    --tally_.lost;
    ++tally_.reordered;
  } else {
    ++tally_.repeated;
  }
}

void StreamCheck::finish(std::uint64_t published) {
  if (published > next_) tally_.lost += published - next_;
}

}  // namespace sluice::bench
