#include "proto/http2_frame_buffer.h"

#include <array>
#include <cstdint>
#include <cstdlib>

namespace sluice::proto {
namespace {

// Header (9), pad length (1), the largest payload that nghttp2 sends: NGHTTP2_FRAMEBUF_CHUNKLEN, not public. Not a
// multiple of 8, so none of nghttp2's arrays ever has it. Another version may choose another size: then nothing is
// shared and lent() says so.
constexpr std::size_t frame_buffer_size = 9 + 1 + 16384;

}  // namespace

struct FrameBuffer::Block {
  std::array<std::uint8_t, frame_buffer_size> bytes;
};

std::shared_ptr<FrameBuffer::Block> FrameBuffer::thread_block() {
  thread_local const std::shared_ptr<Block> block(new Block);
  return block;
}

FrameBuffer::FrameBuffer() : block_(thread_block()) {}

nghttp2_mem FrameBuffer::allocator() {
  nghttp2_mem mem{};
  mem.mem_user_data = this;
  mem.malloc = [](std::size_t size, void*) { return std::malloc(size); };
  mem.calloc = [](std::size_t count, std::size_t size, void*) { return std::calloc(count, size); };
  mem.realloc = [](void* old, std::size_t size, void* self) {
    return static_cast<FrameBuffer*>(self)->reallocate(old, size);
  };
  mem.free = [](void* memory, void* self) { static_cast<FrameBuffer*>(self)->free(memory); };
  return mem;
}

void* FrameBuffer::reallocate(void* old, std::size_t size) {
  if (old == nullptr && size == frame_buffer_size && !lent_) {
    lent_ = true;
    return block_->bytes.data();
  }
  // nghttp2 grows the frame buffer only for a read length callback, which no session here has.
  if (old == block_->bytes.data()) std::abort();
  return std::realloc(old, size);
}

void FrameBuffer::free(void* memory) {
  if (memory != block_->bytes.data()) std::free(memory);
}

}  // namespace sluice::proto
