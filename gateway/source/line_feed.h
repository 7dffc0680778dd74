// LineFeed: what `exec:` and `file:` have in common: bytes in, events in topics out. LineReader reads them, this gives
// each to the source's home and answers for its topics. Owned by the source, on its home worker's thread. It never asks
// for bytes and keeps none but the beginning of a line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "gateway/source/line_reader.h"
#include "gateway/source/losses.h"
#include "gateway/source/poison.h"
#include "gateway/source/source.h"

namespace sluice::source {

class LineFeed final : private LineVisitor {
 public:
  explicit LineFeed(const Context& context);

  void feed(std::string_view bytes, topic::TimePoint now);
  // As LineReader's.
  [[nodiscard]] bool finish(bool whole, topic::TimePoint now);
  void begin_after(std::string_view before) { reader_.begin_after(before); }
  // Lines may be lost before what comes next.
  void lost(topic::TimePoint now) { losses_.announce(now); }

  // For topic::Provider's members of those names.
  [[nodiscard]] bool may_have(std::string_view topic) const { return own_only_ ? topic == name_ : true; }
  void open(const std::string& topic, topic::TimePoint now, const std::function<void(topic::OpenResult)>& done);

 private:
  void on_event(const std::string& below, topic::Event&& event, bool mended) override;
  void on_poison(const char* why) override { poison_.count(why); }

  const std::string name_;
  const config::Limits& limits_;
  const bool own_only_;  // no line can name a topic
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  Poison poison_;
  Losses losses_;
  LineReader reader_;
  topic::TimePoint now_{};  // of the call that is going on
};

}  // namespace sluice::source
