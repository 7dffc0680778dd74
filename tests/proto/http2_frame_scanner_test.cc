#include "proto/http2_frame_scanner.h"

#include <doctest/doctest.h>

#include "tests/support/frames.h"

using namespace sluice;
using namespace sluice::test;

TEST_CASE("a frame header reads as it was written") {
  for (const FrameHeader& header : {FrameHeader{0, FrameType::data, 0, 0}, FrameHeader{16384, FrameType::headers, 5, 1},
                                    FrameHeader{0xff'ffff, static_cast<FrameType>(0xff), 0xff, 0x7fff'ffff}}) {
    std::uint8_t bytes[FrameHeader::size];
    header.write(bytes);
    const FrameHeader read = FrameHeader::read(bytes);
    CHECK(read.length == header.length);
    CHECK(read.type == header.type);
    CHECK(read.flags == header.flags);
    CHECK(read.stream == header.stream);
  }
}

TEST_CASE("the scanner finds the same frames however the bytes are cut") {
  Frames frames;
  frames.open().headers(1, post("/"), false).data(1, "").data(1, std::string(300, 'x')).priority(1, 3).ping();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{10}, std::size_t{10'000}}) {
    CAPTURE(piece);
    proto::FrameScanner scanner;
    std::string begun, ended;
    std::size_t total = 0;
    std::span<const std::uint8_t> bytes = frames.bytes();
    while (!bytes.empty()) {
      const auto step = scanner.advance(bytes.first(std::min(piece, bytes.size())));
      REQUIRE(step.size > 0);
      const std::string type = std::to_string(static_cast<int>(scanner.frame().type)) + " ";
      if (step.begins) begun += type;
      if (step.ends) ended += type;
      if (step.ends && scanner.frame().type == FrameType::priority) CHECK(scanner.prefix()[3] == 3);
      total += step.size;
      bytes = bytes.subspan(step.size);
    }
    CHECK(begun == "4 4 1 0 0 2 6 ");
    CHECK(ended == begun);
    CHECK(total == frames.bytes().size());
  }
}
