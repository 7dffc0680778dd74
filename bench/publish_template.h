// Template: text with places that each event, or each stream, fills in: paths, queries, header values and bodies of
// other servers' APIs. Pure; parsed once, filled in often. Places: `{i}` the number of the topic, `{data}` the payload,
// `{data:url}` the payload percent-encoded, `{event}` the number of the event in the run, from 0. Other braces are text
// (JSON has many). Invariant: a text without places comes out as it went in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench {

class Template {
 public:
  struct Values {
    std::uint64_t topic = 0;
    std::string_view data;
    std::uint64_t event = 0;
  };

  explicit Template(std::string_view text);
  [[nodiscard]] std::string fill(const Values& values) const;
  [[nodiscard]] bool has_topic() const;

 private:
  enum class Place : std::uint8_t { none, topic, data, data_url, event };
  struct Part {
    std::string text;
    Place then = Place::none;  // what follows the text
  };
  std::vector<Part> parts_;
};

}  // namespace sluice::bench
