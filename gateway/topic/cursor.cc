#include "gateway/topic/cursor.h"

#include "proto/check.h"

namespace sluice::topic {

std::uint32_t Cursor::read(std::span<std::uint8_t> out) {
  std::uint8_t* to = out.data();
  std::size_t room = out.size();
  std::uint32_t completed = 0;
  if (pinned_) {
    const std::size_t part = std::min<std::size_t>(room, pinned_->size() - sent_);
    std::memcpy(to, pinned_->bytes().data() + sent_, part);
    to += part;
    room -= part;
    sent_ += static_cast<std::uint32_t>(part);
    if (sent_ == pinned_->size()) {
      sequence_ = pinned_->sequence();
      pinned_.reset();
      ++completed;
    }
  }
  const Entry* last = nullptr;
  while (room != 0) {
    const Entry& entry = log_->at(next_);
    const std::string_view wire = log_->wire_at(next_);
    if (wire.size() > room) {
      take(entry.size() - static_cast<std::uint32_t>(wire.size()));
      std::memcpy(to, wire.data(), room);
      sent_ += static_cast<std::uint32_t>(room);
      break;
    }
    std::memcpy(to, wire.data(), wire.size());
    to += wire.size();
    room -= wire.size();
    last = &entry;
    ++next_;
    ++completed;
  }
  if (last != nullptr) sequence_ = last->sequence();
  return completed;
}

}  // namespace sluice::topic
