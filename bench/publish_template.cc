#include "bench/publish_template.h"

#include <algorithm>

#include "gateway/client/publish.h"

namespace sluice::bench {

Template::Template(std::string_view text) {
  constexpr struct {
    std::string_view name;
    Place place;
  } places[] = {
      {"{i}", Place::topic}, {"{data}", Place::data}, {"{data:url}", Place::data_url}, {"{event}", Place::event}};
  Part part;
  while (!text.empty()) {
    const auto* const place =
        std::ranges::find_if(places, [&](const auto& each) { return text.starts_with(each.name); });
    if (place == std::end(places)) {
      part.text += text.front();
      text.remove_prefix(1);
      continue;
    }
    part.then = place->place;
    parts_.push_back(std::move(part));
    part = {};
    text.remove_prefix(place->name.size());
  }
  if (!part.text.empty()) parts_.push_back(std::move(part));
}

std::string Template::fill(const Values& values) const {
  std::string out;
  for (const Part& part : parts_) {
    out += part.text;
    switch (part.then) {
      case Place::topic:
        out += std::to_string(values.topic);
        break;
      case Place::data:
        out += values.data;
        break;
      case Place::data_url:
        out += client::percent_encode(values.data);
        break;
      case Place::event:
        out += std::to_string(values.event);
        break;
      case Place::none:
        break;
    }
  }
  return out;
}

bool Template::has_topic() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return part.then == Place::topic; });
}

}  // namespace sluice::bench
