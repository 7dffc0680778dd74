#include "gateway/client/event_printer.h"

#include <fmt/format.h>

#include <ostream>

namespace sluice::client {
namespace {

// RFC 8259 §7: what must be escaped, and nothing else; the text is UTF-8 already.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out.append({'\\', c});
    else if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out += '"';
}

}  // namespace

bool EventPrinter::print(const proto::sse::EventView& event) {
  const bool of_topic = !event.type.starts_with("sluice.");
  if (json_) {
    out_ << '{';
    if (!event.last_event_id.empty()) out_ << "\"id\":" << json_string(event.last_event_id) << ',';
    out_ << "\"event\":" << json_string(event.type) << ",\"data\":" << json_string(event.data) << "}\n" << std::flush;
    return of_topic;
  }
  if (!of_topic) {
    err_ << "-- " << event.type << ' ' << event.data << '\n' << std::flush;
    return false;
  }
  if (!event.last_event_id.empty()) out_ << event.last_event_id << "  ";
  if (event.type != "message") out_ << event.type << "  ";
  // Further lines are indented, so that each event begins at the margin.
  std::string_view rest = event.data;
  for (std::size_t line_end; (line_end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(line_end + 1))
    out_ << rest.substr(0, line_end) << "\n    ";
  out_ << rest << '\n' << std::flush;
  return true;
}

}  // namespace sluice::client
