#include "tests/support/frames.h"

#include <stdexcept>

namespace sluice::test {

Fields request(std::string_view method, std::string_view path, Fields more) {
  Fields fields{{":method", std::string(method)},
                {":scheme", "https"},
                {":authority", "localhost:8443"},
                {":path", std::string(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::string number(std::uint64_t value, int size) {
  std::string bytes;
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

Frames::Frames() { nghttp2_hd_deflate_new(&deflater_, 4096); }
Frames::~Frames() { nghttp2_hd_deflate_del(deflater_); }

Frames& Frames::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

Frames& Frames::preface() { return raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); }

Frames& Frames::frame(FrameType type, std::uint8_t flags, StreamId stream, std::string_view payload) {
  std::uint8_t header[FrameHeader::size];
  FrameHeader{static_cast<std::uint32_t>(payload.size()), type, flags, stream}.write(header);
  return raw({reinterpret_cast<const char*>(header), sizeof header}).raw(payload);
}

Frames& Frames::settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> values, StreamId stream) {
  std::string payload;
  for (const auto& [id, value] : values) payload += number(id, 2) + number(value, 4);
  return frame(FrameType::settings, 0, stream, payload);
}

Frames& Frames::settings_ack() { return frame(FrameType::settings, FrameHeader::ack, 0, ""); }

std::string Frames::block(const Fields& fields) {
  std::vector<nghttp2_nv> values;
  for (const Field& field : fields)
    values.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.name.data())),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.value.data())), field.name.size(),
                      field.value.size(), NGHTTP2_NV_FLAG_NONE});
  std::string bytes(nghttp2_hd_deflate_bound(deflater_, values.data(), values.size()), '\0');
  const ssize_t size = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size(),
                                             values.data(), values.size());
  if (size < 0) throw std::runtime_error("header compression failed");
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

Frames& Frames::headers(StreamId stream, const Fields& fields, bool end_stream, bool end_headers) {
  const int flags = (end_stream ? FrameHeader::end_stream : 0) | (end_headers ? FrameHeader::end_headers : 0);
  return frame(FrameType::headers, static_cast<std::uint8_t>(flags), stream, block(fields));
}

Frames& Frames::continuation(StreamId stream, std::string_view block, bool end_headers) {
  return frame(FrameType::continuation, end_headers ? FrameHeader::end_headers : 0, stream, block);
}

Frames& Frames::data(StreamId stream, std::string_view body, bool end_stream) {
  return frame(FrameType::data, end_stream ? FrameHeader::end_stream : 0, stream, body);
}

Frames& Frames::rst(StreamId stream, std::uint32_t code) {
  return frame(FrameType::rst_stream, 0, stream, number(code, 4));
}

Frames& Frames::ping(std::string_view payload, bool ack, StreamId stream) {
  return frame(FrameType::ping, ack ? FrameHeader::ack : 0, stream, payload);
}

Frames& Frames::window_update(StreamId stream, std::uint32_t increment) {
  return frame(FrameType::window_update, 0, stream, number(increment, 4));
}

Frames& Frames::priority(StreamId stream, std::uint32_t depends_on) {
  return frame(FrameType::priority, 0, stream, number(depends_on, 4) + '\x10');
}

Frames& Frames::goaway(StreamId last, std::uint32_t code, StreamId stream) {
  return frame(FrameType::goaway, 0, stream, number(static_cast<std::uint32_t>(last), 4) + number(code, 4));
}

std::uint32_t Frame::u32(std::size_t at) const {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<std::uint8_t>(payload.at(i));
  return value;
}

std::vector<Frame> read_frames(std::string_view bytes) {
  std::vector<Frame> frames;
  while (!bytes.empty()) {
    if (bytes.size() < FrameHeader::size) throw std::runtime_error("half a frame header");
    const FrameHeader header =
        FrameHeader::read({reinterpret_cast<const std::uint8_t*>(bytes.data()), FrameHeader::size});
    bytes.remove_prefix(FrameHeader::size);
    if (bytes.size() < header.length) throw std::runtime_error("half a frame");
    frames.push_back({header, std::string(bytes.substr(0, header.length))});
    bytes.remove_prefix(header.length);
  }
  return frames;
}

std::string list(const std::vector<Frame>& frames) {
  static constexpr const char* names[] = {"DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
                                          "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};
  std::string text;
  for (const Frame& frame : frames) {
    const auto type = static_cast<std::size_t>(frame.header.type);
    if (!text.empty()) text += ", ";
    text += type < std::size(names) ? names[type] : "UNKNOWN";
    if (frame.header.stream != 0) text += " " + std::to_string(frame.header.stream);
    switch (frame.header.type) {
      case FrameType::data:
        text += " +" + std::to_string(frame.header.length);
        if (frame.ends()) text += " END";
        break;
      case FrameType::headers:
        if (frame.ends()) text += " END";
        break;
      case FrameType::rst_stream:
        text += " code " + std::to_string(frame.u32());
        break;
      case FrameType::goaway:
        text += " code " + std::to_string(frame.u32(4));
        break;
      case FrameType::window_update:
        text += " +" + std::to_string(frame.u32());
        break;
      case FrameType::settings:
      case FrameType::ping:
        if (frame.header.has(FrameHeader::ack)) text += " ACK";
        break;
      default:
        break;
    }
  }
  return text;
}

}  // namespace sluice::test
