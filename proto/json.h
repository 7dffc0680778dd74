// JSON text (RFC 8259 §7) that we write ourselves: strings in error bodies, in answers and in the data of the gateway's
// own events. Pure; reading JSON is Boost.JSON's (gateway/serve/publish_json, gateway/source/mapping).
#pragma once

#include <string>
#include <string_view>

namespace sluice::proto {

// The inside of a JSON string: `"`, `\` and U+0000..U+001F escaped, everything else as it is. `text` is UTF-8.
void append_json_text(std::string& out, std::string_view text);
// The same between quotation marks.
void append_json_string(std::string& out, std::string_view text);

}  // namespace sluice::proto
