// JSON text that we write ourselves: error bodies and the compact form of a publisher's data. Reading is Boost.JSON's
// (its one compiled copy is json.cc), writing is one function: quoting a string.
#pragma once

#include <string>
#include <string_view>

namespace sluice::serve {

// The inside of a JSON string: `"`, `\` and U+0000..U+001F escaped, everything else as it is. `text` is UTF-8.
void append_json_text(std::string& out, std::string_view text);
// The same between quotation marks.
void append_json_string(std::string& out, std::string_view text);

}  // namespace sluice::serve
