// FrameBuffer: the 16 KB buffer in which nghttp2 packs a frame before it sends it, one for all sessions of a thread
// instead of one each (16.4 KB of every connection). nghttp2 fills and empties it within one nghttp2_session_send()
// when the sink takes everything at once, so no session ever finds another's bytes in it.
// Each session owns a FrameBuffer, which lends it the thread's block; the block lives as long as the last of them.
// Invariant: a session's first buffer of that size is the shared block; further ones (header blocks over 16 KB) are
// its own.
#pragma once

#include <cstddef>
#include <memory>

#include <nghttp2/nghttp2.h>

namespace sluice::proto {

class FrameBuffer {
 public:
  FrameBuffer();
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;

  // The allocator for one nghttp2 session; refers to this object, which must outlive the session.
  [[nodiscard]] nghttp2_mem allocator();
  // Whether nghttp2 asked for a buffer of the expected size and got the shared block.
  [[nodiscard]] bool lent() const { return lent_; }

 private:
  struct Block;

  void* reallocate(void* old, std::size_t size);
  void free(void* memory);

  static std::shared_ptr<Block> thread_block();

  std::shared_ptr<Block> block_;
  bool lent_ = false;
};

}  // namespace sluice::proto
