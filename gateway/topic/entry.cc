#include "gateway/topic/entry.h"

#include <cstring>
#include <limits>
#include <new>
#include <string>

#include "gateway/topic/gap.h"
#include "proto/check.h"
#include "proto/sse.h"

namespace sluice::topic {

Entry::Entry(const Parts& parts, std::uint32_t id_size, std::uint32_t size)
    : id_size_(id_size),
      size_(size),
      idempotency_size_(static_cast<std::uint16_t>(parts.idempotency_key.size())),
      key_size_(static_cast<std::uint16_t>(parts.key.size() & 0x3fff)),
      deletes_(parts.data.empty()),
      is_gap_(parts.type == gap_event),
      sequence_(parts.sequence),
      arrived_(parts.arrived) {}

EntryPtr Entry::make(const Parts& parts) {
  check(proto::sse::valid_field(parts.position) && proto::sse::valid_field(parts.type),
        "an entry's position and type are checked before it is made");
  thread_local std::string text;  // keeps its capacity: one copy per event, no allocation but the entry's own
  text.clear();
  proto::sse::append_id(text, parts.position);
  const std::size_t id_size = text.size();
  proto::sse::append_event(text, parts.type, parts.data);
  check(text.size() < std::numeric_limits<std::uint32_t>::max(), "limits.event_size keeps an entry far below 4 GiB");
  constexpr std::size_t key_size_max = 0x3fff;
  check(parts.idempotency_key.size() <= key_size_max && parts.key.size() <= key_size_max,
        "limits.event_id, conflation_key() keep keys below 16 KiB");

  void* memory = ::operator new(sizeof(Entry) + text.size() + parts.idempotency_key.size() + parts.key.size());
  auto* entry = new (memory) Entry(parts, static_cast<std::uint32_t>(id_size), static_cast<std::uint32_t>(text.size()));
  char* bytes = reinterpret_cast<char*>(entry + 1);
  std::memcpy(bytes, text.data(), text.size());
  if (!parts.idempotency_key.empty())
    std::memcpy(bytes + text.size(), parts.idempotency_key.data(), parts.idempotency_key.size());
  if (!parts.key.empty())
    std::memcpy(bytes + text.size() + parts.idempotency_key.size(), parts.key.data(), parts.key.size());
  constexpr std::size_t kept = 64 * 1024;  // one huge event does not leave its buffer behind on every thread
  if (text.capacity() > kept) std::string().swap(text);
  return EntryPtr(entry);
}

std::string conflation_key(std::string_view topic, const std::optional<std::string>& key, bool snapshot) {
  // A longer key is none: an engine's may have any size, and each entry would carry it.
  constexpr std::size_t size_max = 4 * 1024;
  const bool usable = key && !key->empty() && key->size() <= size_max;
  if (!usable && !snapshot) return {};
  std::string text(topic);
  text += '\0';
  if (usable) text += *key;
  return text;
}

void Entry::drop() const noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  auto* self = const_cast<Entry*>(this);
  self->~Entry();
  ::operator delete(self);
}

}  // namespace sluice::topic
