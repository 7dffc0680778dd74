// Response: a proto::ResponseVisitor that keeps what it was told, for the tests of the sessions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "proto/response_visitor.h"

namespace sluice::test {

struct Response final : proto::ResponseVisitor {
  void on_head(proto::StreamId, proto::ResponseHead&& received, bool end) override {
    ++heads;
    status = received.status;
    head = std::move(received);
    ended_with_head = end;
  }
  void on_body(proto::StreamId, std::span<const std::uint8_t> bytes) override {
    body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void on_close(proto::StreamId, std::uint32_t received) override {
    ++closes;
    code = received;
  }
  [[nodiscard]] bool complete() const { return heads == 1 && closes == 1 && code == 0; }

  int heads = 0, closes = 0, status = 0;
  proto::ResponseHead head;
  bool ended_with_head = false;
  std::string body;
  std::uint32_t code = 0xffff;
};

}  // namespace sluice::test
