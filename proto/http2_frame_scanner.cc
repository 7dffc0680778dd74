#include "proto/http2_frame_scanner.h"

#include <algorithm>

namespace sluice::proto {

FrameHeader FrameHeader::read(std::span<const std::uint8_t> bytes) {
  FrameHeader frame;
  frame.length = std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[2];
  frame.type = static_cast<FrameType>(bytes[3]);
  frame.flags = bytes[4];
  const std::uint32_t stream =
      std::uint32_t{bytes[5]} << 24 | std::uint32_t{bytes[6]} << 16 | std::uint32_t{bytes[7]} << 8 | bytes[8];
  frame.stream = static_cast<StreamId>(stream & 0x7fff'ffffu);  // the reserved bit is ignored (RFC 9113 §4.1)
  return frame;
}

void FrameHeader::write(std::span<std::uint8_t> out) const {
  const auto id = static_cast<std::uint32_t>(stream);
  out[0] = static_cast<std::uint8_t>(length >> 16);
  out[1] = static_cast<std::uint8_t>(length >> 8);
  out[2] = static_cast<std::uint8_t>(length);
  out[3] = static_cast<std::uint8_t>(type);
  out[4] = flags;
  out[5] = static_cast<std::uint8_t>(id >> 24);
  out[6] = static_cast<std::uint8_t>(id >> 16);
  out[7] = static_cast<std::uint8_t>(id >> 8);
  out[8] = static_cast<std::uint8_t>(id);
}

FrameScanner::Step FrameScanner::advance(std::span<const std::uint8_t> bytes) {
  Step step;
  if (preface_left_ != 0) {
    step.size = std::min<std::size_t>(preface_left_, bytes.size());
    preface_left_ -= static_cast<std::uint32_t>(step.size);
    return step;
  }
  if (payload_left_ == 0) {
    step.header = step.size = std::min(header_.size() - header_size_, bytes.size());
    std::copy_n(bytes.begin(), step.size, header_.begin() + header_size_);
    header_size_ = static_cast<std::uint8_t>(header_size_ + step.size);
    if (header_size_ < header_.size()) return step;
    header_size_ = prefix_size_ = 0;
    frame_ = FrameHeader::read(header_);
    payload_left_ = frame_.length;
    step.begins = true;
  }
  const std::span payload = bytes.subspan(step.size, std::min<std::size_t>(payload_left_, bytes.size() - step.size));
  const std::size_t kept = std::min(payload.size(), prefix_.size() - prefix_size_);
  std::copy_n(payload.begin(), kept, prefix_.begin() + prefix_size_);
  prefix_size_ = static_cast<std::uint8_t>(prefix_size_ + kept);
  payload_left_ -= static_cast<std::uint32_t>(payload.size());
  step.size += payload.size();
  step.ends = payload_left_ == 0;
  return step;
}

}  // namespace sluice::proto
