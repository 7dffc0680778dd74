#include "bench/presets.h"

#include <algorithm>
#include <array>

namespace sluice::bench {
namespace {

constexpr std::array<Preset, 4> table{{
    {.name = "sluice",
     .subscribe_path = "/topics/t{i}",
     .subscribe_query = "",
     .publish_port = 0,
     .publish_tls = true,
     .publish_path = "",  // the subscribers' own
     .publish_query = "",
     .content_type = "text/plain",
     .body = "{data}",
     .about = "POST to the topic itself"},
    // https://mercure.rocks/docs/hub: hubs of 0.x read `topic`, hubs since 1.0 `match`, and each ignores the other's.
    // The publisher's JWT goes into --publish-token.
    {.name = "mercure",
     .subscribe_path = "/.well-known/mercure",
     .subscribe_query = "topic=https%3A%2F%2Fexample.com%2Ft{i}&match=https%3A%2F%2Fexample.com%2Ft{i}",
     .publish_port = 0,
     .publish_tls = true,
     .publish_path = "/.well-known/mercure",
     .publish_query = "",
     .content_type = "application/x-www-form-urlencoded",
     .body = "topic=https%3A%2F%2Fexample.com%2Ft{i}&data={data:url}",
     .about = "a hub's form, JWT in --publish-token"},
    // https://nchan.io: the locations /sub and /pub of its first example, with nchan_channel_id $arg_id. `text/plain`
    // is what the message has then; an event stream does not show it.
    {.name = "nchan",
     .subscribe_path = "/sub",
     .subscribe_query = "id=t{i}",
     .publish_port = 0,
     .publish_tls = true,
     .publish_path = "/pub",
     .publish_query = "id=t{i}",
     .content_type = "text/plain",
     .body = "{data}",
     .about = "/sub?id= and /pub?id= of nginx with nchan"},
    // https://pushpin.org/docs/usage/#http-streaming: the control API is plain HTTP on port 5561; the origin behind
    // Pushpin holds a request for /t0 as a stream of the channel t0 (Grip-Hold: stream, Grip-Channel).
    {.name = "pushpin",
     .subscribe_path = "/t{i}",
     .subscribe_query = "",
     .publish_port = 5561,
     .publish_tls = false,
     .publish_path = "/publish/",
     .publish_query = "",
     .content_type = "application/json",
     .body = R"({"items":[{"channel":"t{i}","formats":{"http-stream":{"content":"data: {data}\n\n"}}}]})",
     .about = "its control API on port 5561"},
}};

}  // namespace

std::span<const Preset> presets() { return table; }

const Preset* find_preset(std::string_view name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Preset& preset) { return preset.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace sluice::bench
