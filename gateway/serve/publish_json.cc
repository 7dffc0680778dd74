// Publish envelopes in JSON: {event?, data, id?, key?}, alone, in an array, or one per line (NDJSON).
// Read by events (Boost.JSON's basic_parser), not into a tree: one pass, no allocation but the event's own strings, and
// numbers inside `data` keep the digits that the publisher wrote (1e400, 12345678901234567890).
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>

#include "gateway/serve/publish_body.h"
#include "proto/json.h"

namespace sluice::serve {
namespace {

namespace json = boost::json;

enum class Member : unsigned char { none, event, data, id, key };

std::optional<Member> member_named(std::string_view name) {
  if (name == "data") return Member::data;
  if (name == "event") return Member::event;
  if (name == "id") return Member::id;
  if (name == "key") return Member::key;
  return std::nullopt;
}

// The visitor of basic_parser. Where it stands follows from three things: whether an array holds the envelopes, whether
// an envelope is open, and how deep inside `data` the parser is.
class Envelopes {
 public:
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  Envelopes(const PublishLimits& limits, bool array_allowed) : limits_(limits), array_allowed_(array_allowed) {}

  std::vector<topic::Event> events;
  std::optional<Problem> problem;  // why the visitor stopped the parser; unset: the text is not JSON

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_array_begin(json::error_code& ec) {
    if (in_envelope_) return open_container('[', ec);
    if (!array_allowed_ || in_array_) return stop(ec, "not-an-envelope", not_an_envelope);
    in_array_ = true;
    return true;
  }
  bool on_array_end(std::size_t, json::error_code&) {
    if (in_envelope_) close_container(']');
    return true;
  }

  bool on_object_begin(json::error_code& ec) {
    if (in_envelope_) return open_container('{', ec);
    if (events.size() == limits_.events) {
      problem = too_many_events(limits_);
      return halt(ec);
    }
    in_envelope_ = true;
    seen_ = 0;
    event_ = {};
    return true;
  }
  bool on_object_end(std::size_t, json::error_code& ec) {
    if (depth_ > 0) {
      close_container('}');
      return true;
    }
    in_envelope_ = false;
    if ((seen_ & bit(Member::data)) == 0)
      return stop(ec, "no-data", "an envelope needs the member \"data\"; it may be an empty string", "/data");
    if (event_.key && event_.key->empty()) event_.key.reset();
    problem = refuse(event_, limits_);
    if (problem) return halt(ec, problem->pointer);
    events.push_back(std::move(event_));
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code& ec) { return take_key(part, false, ec); }
  bool on_key(json::string_view part, std::size_t, json::error_code& ec) { return take_key(part, true, ec); }
  bool on_string_part(json::string_view part, std::size_t, json::error_code& ec) { return take_text(part, false, ec); }
  bool on_string(json::string_view part, std::size_t, json::error_code& ec) { return take_text(part, true, ec); }
  bool on_number_part(json::string_view part, json::error_code& ec) { return take_number(part, false, ec); }
  bool on_int64(std::int64_t, json::string_view part, json::error_code& ec) { return take_number(part, true, ec); }
  bool on_uint64(std::uint64_t, json::string_view part, json::error_code& ec) { return take_number(part, true, ec); }
  bool on_double(double, json::string_view part, json::error_code& ec) { return take_number(part, true, ec); }
  bool on_bool(bool value, json::error_code& ec) { return take_number(value ? "true" : "false", true, ec); }
  bool on_null(json::error_code& ec) { return take_number("null", true, ec); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  static constexpr const char* not_an_envelope =
      "an event is an object {\"event\"?, \"data\", \"id\"?, \"key\"?}, here it is something else";

  static constexpr unsigned bit(Member member) { return 1u << static_cast<unsigned>(member); }
  static std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

  // Ends the parse; `problem` says why.
  bool halt(json::error_code& ec, std::string_view pointer = {}) {
    problem->pointer =
        (in_array_ && !pointer.empty() ? "/" + std::to_string(events.size()) : "") + std::string(pointer);
    ec = make_error_code(boost::system::errc::operation_canceled);
    return false;
  }
  bool stop(json::error_code& ec, std::string error, std::string detail, std::string_view pointer = {}) {
    problem = Problem{.error = std::move(error), .detail = std::move(detail)};
    return halt(ec, pointer);
  }

  // Before a member or an element inside `data`: its separator.
  void begin_value() {
    if (comma_) event_.data += ',';
    comma_ = false;
  }
  void end_value() { comma_ = depth_ > 0; }

  bool open_container(char bracket, json::error_code& ec) {
    if (member_ != Member::data) return wrong_type(ec);
    begin_value();
    event_.data += bracket;
    ++depth_;
    return true;
  }
  void close_container(char bracket) {
    event_.data += bracket;
    --depth_;
    end_value();
  }

  bool take_key(json::string_view part, bool last, json::error_code& ec) {
    if (depth_ > 0) {
      if (!in_text_) begin_value();
      append_quoted(part, last);
      if (last) event_.data += ':';
      return true;
    }
    key_ += view(part);
    if (!last) return true;
    const std::string key = std::exchange(key_, {});
    const std::optional<Member> member = member_named(key);
    if (!member) {
      std::string pointer = "/";
      for (const char c : key) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      return stop(ec, "unknown-member",
                  "an envelope has the members event, data, id and key; \"" + key + "\" is none of them", pointer);
    }
    if ((seen_ & bit(*member)) != 0)
      return stop(ec, "repeated-member", "the member \"" + key + "\" stands twice in one envelope", "/" + key);
    seen_ |= bit(*member);
    member_ = *member;
    return true;
  }

  bool take_text(json::string_view part, bool last, json::error_code& ec) {
    if (!in_envelope_) return stop(ec, "not-an-envelope", not_an_envelope);
    if (depth_ > 0) {
      if (!in_text_) begin_value();
      append_quoted(part, last);
      if (last) end_value();
      return true;
    }
    switch (member_) {
      case Member::data:
        event_.data += view(part);
        break;
      case Member::event:
        event_.type += view(part);
        break;
      case Member::id:
        event_.idempotency_key += view(part);
        break;
      case Member::key:
        if (!event_.key) event_.key.emplace();
        *event_.key += view(part);
        break;
      case Member::none:
        break;
    }
    return true;
  }

  // Numbers, and the three words, whose text is sent as it was written.
  bool take_number(json::string_view part, bool last, json::error_code& ec) {
    if (!in_envelope_) return stop(ec, "not-an-envelope", not_an_envelope);
    if (member_ != Member::data) return wrong_type(ec);
    if (!in_number_) begin_value();
    in_number_ = !last;
    event_.data += view(part);
    if (last) end_value();
    return true;
  }

  bool wrong_type(json::error_code& ec) {
    const char* name = member_ == Member::event ? "event" : member_ == Member::id ? "id" : "key";
    return stop(ec, std::string("bad-") + name, std::string(name) + " must be a string", std::string("/") + name);
  }

  void append_quoted(json::string_view part, bool last) {
    if (!in_text_) event_.data += '"';
    proto::append_json_text(event_.data, view(part));
    in_text_ = !last;
    if (last) event_.data += '"';
  }

  const PublishLimits& limits_;
  topic::Event event_;
  std::string key_;  // a member name that the parser gives in parts
  unsigned seen_ = 0;
  std::size_t depth_ = 0;  // containers open inside `data`
  Member member_ = Member::none;
  bool array_allowed_, in_array_ = false, in_envelope_ = false;
  bool in_text_ = false, in_number_ = false, comma_ = false;
};

using Parser = json::basic_parser<Envelopes>;

// Nesting that a parse may reach, the array and the envelope included: a limit on the parser's stack.
constexpr std::size_t depth_max = 32;

json::parse_options parse_options() {
  json::parse_options options;
  options.max_depth = depth_max;
  return options;
}

// Parses one document, to its end; the offset of the failure otherwise.
std::optional<std::size_t> parse(Parser& parser, std::string_view text) {
  json::error_code ec;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && consumed == text.size()) return std::nullopt;
  return consumed;  // without `ec`: more text after the value
}

Problem describe(const Parser& parser, std::string_view body, std::size_t offset) {
  Problem problem;
  if (parser.handler().problem) {
    problem = *parser.handler().problem;
  } else if (parser.last_error() == json::error::too_deep) {
    problem = {.error = "too-deep", .detail = "JSON nested deeper than " + std::to_string(depth_max) + " levels"};
  } else {
    problem = {.error = "bad-json",
               .detail = "this is not JSON: " + (parser.last_error() ? parser.last_error().message()
                                                                     : std::string("text after the end of the value"))};
  }
  problem.where = place(body, offset);
  return problem;
}

}  // namespace

PublishBody parse_json_body(std::string_view body, const PublishLimits& limits) {
  Parser parser(parse_options(), limits, true);
  if (const auto failed_at = parse(parser, body)) return describe(parser, body, *failed_at);
  if (parser.handler().events.empty()) return Problem{.error = "no-events", .detail = "the array holds no event"};
  return std::move(parser.handler().events);
}

PublishBody parse_ndjson_body(std::string_view body, const PublishLimits& limits) {
  Parser parser(parse_options(), limits, false);
  for (std::size_t begin = 0; begin < body.size();) {
    const std::size_t end = std::min(body.find('\n', begin), body.size());
    const std::string_view line = body.substr(begin, end - begin);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      parser.reset();
      if (const auto failed_at = parse(parser, line)) return describe(parser, body, begin + *failed_at);
    }
    begin = end + 1;
  }
  if (parser.handler().events.empty()) return Problem{.error = "no-events", .detail = "the body holds no event"};
  return std::move(parser.handler().events);
}

}  // namespace sluice::serve
