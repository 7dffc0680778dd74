// ByteBuffer: bytes on their way to a wire. Grows without zero-filling (a staging buffer is refilled a hundred thousand
// times a second), keeps its capacity when cleared.
// Owned by whoever stages bytes: one per thread for sealing TLS records, one per connection for an unsent rest.
// Invariant: size() ≤ capacity; the bytes below size() are initialised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace sluice {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(std::size_t capacity) { reserve(capacity); }

  // Room for `count` more bytes, uninitialised; the caller writes all of them. Valid until the next call.
  std::span<std::uint8_t> extend(std::size_t count) {
    if (capacity_ - size_ < count) grow(size_ + count);
    std::span<std::uint8_t> room(bytes_.get() + size_, count);
    size_ += count;
    return room;
  }
  void append(std::span<const std::uint8_t> bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()).data(), bytes.data(), bytes.size());
  }
  void append(std::string_view text) {
    if (!text.empty()) std::memcpy(extend(text.size()).data(), text.data(), text.size());
  }

  void reserve(std::size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }
  // Drops the first `count` bytes, moving the rest to the front.
  void consume(std::size_t count) {
    size_ -= count;
    if (size_ != 0 && count != 0) std::memmove(bytes_.get(), bytes_.get() + count, size_);
  }
  void resize_down(std::size_t size) { size_ = size < size_ ? size : size_; }
  void clear() { size_ = 0; }
  // Gives the memory back: an idle connection keeps no buffer; a kept one costs 16 KB.
  void release() {
    bytes_.reset();
    size_ = capacity_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.get(), size_}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }

 private:
  void grow(std::size_t least) {
    std::size_t capacity = capacity_ < 256 ? 256 : capacity_ * 2;
    if (capacity < least) capacity = least;
    std::unique_ptr<std::uint8_t[]> bytes(new std::uint8_t[capacity]);
    if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sluice
