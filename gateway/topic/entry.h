// Entry: one event, encoded once as text/event-stream: its `id:` line, then the rest. One allocation,
// reference-counted, immutable, so any thread may read it (ARCHITECTURE.md, Invariants). Made by a source's home, held
// by every worker's logs and by cursors that have partly sent it.
// Invariant: bytes() is one whole event that ends in an empty line; bytes() = id_line() + rest().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/topic/position_format.h"

namespace sluice::topic {

using TimePoint = std::chrono::steady_clock::time_point;

class EntryPtr;

class Entry {
 public:
  struct Parts {
    std::string_view position;  // the engine's position, valid_field() text
    std::string_view type;      // empty: "message"
    std::string_view data;
    std::string_view idempotency_key;  // never shown to subscribers
    std::string_view key = {};         // conflation_key(); empty: it stands for itself
    Sequence sequence = 0;
    TimePoint arrived{};
  };
  [[nodiscard]] static EntryPtr make(const Parts& parts);

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  [[nodiscard]] std::string_view bytes() const { return {text(), size_}; }
  [[nodiscard]] std::string_view id_line() const { return {text(), id_size_}; }
  [[nodiscard]] std::string_view rest() const { return {text() + id_size_, size_ - id_size_}; }
  [[nodiscard]] std::string_view position() const { return {text() + 4, id_size_ - 5U}; }  // between "id: " and "\n"
  [[nodiscard]] std::string_view idempotency_key() const { return {text() + size_, idempotency_size_}; }
  // Of several entries with one key the newest replaces the others for who wants values, not history (topic/newest).
  [[nodiscard]] std::string_view key() const { return {text() + size_ + idempotency_size_, key_size_}; }
  [[nodiscard]] bool has_key() const { return key_size_ != 0; }
  // It has no data: there is nothing under its key any more.
  [[nodiscard]] bool deletes() const { return deletes_; }
  // It announces a loss of its source's own.
  [[nodiscard]] bool is_gap() const { return is_gap_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t id_size() const { return id_size_; }
  [[nodiscard]] Sequence sequence() const { return sequence_; }
  [[nodiscard]] TimePoint arrived() const { return arrived_; }
  // What it costs in memory: counted against the history limits.
  [[nodiscard]] std::size_t footprint() const { return sizeof(Entry) + size_ + idempotency_size_ + key_size_; }

 private:
  friend class EntryPtr;
  Entry(const Parts& parts, std::uint32_t id_size, std::uint32_t size);
  [[nodiscard]] const char* text() const { return reinterpret_cast<const char*>(this + 1); }
  void drop() const noexcept;

  mutable std::atomic<std::uint32_t> references_{1};
  std::uint32_t id_size_;
  std::uint32_t size_;
  std::uint16_t idempotency_size_;
  std::uint16_t key_size_ : 14;
  std::uint16_t deletes_ : 1;
  std::uint16_t is_gap_ : 1;
  Sequence sequence_;
  TimePoint arrived_;
};

// What an entry of that topic is found by among the newest of its key: the event's key, apart from those of other
// topics under the same wildcard. Of an event without one: `snapshot` makes the topic its key; otherwise empty.
[[nodiscard]] std::string conflation_key(std::string_view topic, const std::optional<std::string>& key, bool snapshot);

// A counted reference to an entry.
class EntryPtr {
 public:
  EntryPtr() = default;
  EntryPtr(const EntryPtr& other) noexcept : entry_(other.entry_) {
    if (entry_ != nullptr) entry_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  EntryPtr(EntryPtr&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryPtr& operator=(EntryPtr other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryPtr() { reset(); }

  void reset() noexcept {
    if (entry_ != nullptr) std::exchange(entry_, nullptr)->drop();
  }
  [[nodiscard]] const Entry* get() const { return entry_; }
  const Entry& operator*() const { return *entry_; }
  const Entry* operator->() const { return entry_; }
  explicit operator bool() const { return entry_ != nullptr; }
  // How many hold the entry, this one included, a moment ago.
  [[nodiscard]] std::uint32_t use_count() const { return entry_->references_.load(std::memory_order_relaxed); }

 private:
  friend class Entry;
  explicit EntryPtr(const Entry* entry) : entry_(entry) {}
  const Entry* entry_ = nullptr;
};

}  // namespace sluice::topic
