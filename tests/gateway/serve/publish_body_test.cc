#include "gateway/serve/publish_body.h"

#include <string>

#include <doctest/doctest.h>

using namespace std::string_literals;
using sluice::serve::parse_publish_body;
using sluice::serve::Problem;
using sluice::serve::PublishBody;
using sluice::serve::PublishLimits;
using sluice::serve::QueryParameters;
using sluice::topic::Event;
using Events = std::vector<Event>;

namespace {

PublishBody parse(std::string_view type, std::string_view body, std::string_view query = {},
                  const PublishLimits& limits = {}) {
  return parse_publish_body(type, *QueryParameters::parse(query), body, limits);
}

struct Accepted {
  std::string name;
  std::string type, query, body;
  Events events;
};

struct Refused {
  std::string name;
  std::string type, query, body;
  int status;
  std::string error, where, pointer;
};

const std::string json = "application/json", ndjson = "application/x-ndjson", sse = "text/event-stream";

const Accepted accepted[] = {
    // Anything else: the body is the data.
    {"a body without a content type", "", "", "hello", {{.data = "hello"}}},
    {"curl -d", "application/x-www-form-urlencoded", "", "a=1&b=%20+", {{.data = "a=1&b=%20+"}}},
    {"the query names event, id and key",
     "text/plain; charset=UTF-8",
     "event=price&id=o-1&key=EUR%2FUSD",
     "1.07\n",
     {{.type = "price", .data = "1.07\n", .idempotency_key = "o-1", .key = "EUR/USD"}}},
    {"an empty parameter is none", "", "event=&id=&key=", "x", {{.data = "x"}}},
    {"data with every line end, NUL, BOM and U+2028",
     "",
     "",
     "a\rb\nc\r\nd\0\xef\xbb\xbf\xe2\x80\xa8"s,
     {{.data = "a\rb\nc\r\nd\0\xef\xbb\xbf\xe2\x80\xa8"s}}},
    // JSON.
    {"an envelope with a string",
     json,
     "",
     R"({"data":"a\nb \"c\" \u00e9\ud83d\ude00"})",
     {{.data = "a\nb \"c\" \xc3\xa9\xf0\x9f\x98\x80"}}},
    {"all four members in any order",
     "Application/JSON ; charset=utf-8",
     "",
     R"( {"key":"k","id":"7","data":"x","event":"tick"} )",
     {{.type = "tick", .data = "x", .idempotency_key = "7", .key = "k"}}},
    {"an empty string is data", json, "", R"({"data":""})", {{}}},
    {"data of any kind is sent compact",
     json,
     "",
     R"({"data": { "a" : [ 1 , true , null , { } , [ ] , "x\n\"\u0001" ] , "b\t" : { "c" : -0.50 } } })",
     {{.data = R"({"a":[1,true,null,{},[],"x\n\"\u0001"],"b\t":{"c":-0.50}})"}}},
    {"numbers keep their digits",
     json,
     "",
     R"({"data":[1e400,12345678901234567890123,-0,1.10,1E+2]})",
     {{.data = "[1e400,12345678901234567890123,-0,1.10,1E+2]"}}},
    {"a bare number, word or null as data",
     json,
     "",
     R"([{"data":5},{"data":true},{"data":null}])",
     {{.data = "5"}, {.data = "true"}, {.data = "null"}}},
    {"members of data are the publisher's own",
     json,
     "",
     R"({"data":{"x":1,"x":2,"data":3}})",
     {{.data = R"({"x":1,"x":2,"data":3})"}}},
    {"a long string that the parser gives in parts",
     json,
     "",
     "{\"data\":\"" + std::string(10'000, 'x') + "\\n" + std::string(10'000, 'y') + "\"}",
     {{.data = std::string(10'000, 'x') + "\n" + std::string(10'000, 'y')}}},
    {"a long string inside data",
     json,
     "",
     "{\"data\":[\"\\t" + std::string(10'000, 'x') + "\\t\"]}",
     {{.data = "[\"\\t" + std::string(10'000, 'x') + "\\t\"]"}}},
    {"an array is several events",
     json,
     "",
     R"([{"data":"a"},{"data":"b","id":"2"}])",
     {{.data = "a"}, {.data = "b", .idempotency_key = "2"}}},
    // NDJSON.
    {"one envelope a line, blank lines between",
     ndjson,
     "",
     "{\"data\":1}\r\n\n  \n{\"data\":{\"n\":2},\"event\":\"n\"}",
     {{.data = "1"}, {.type = "n", .data = R"({"n":2})"}}},
    // Event streams.
    {"an event stream",
     sse,
     "",
     "event: tick\nid: 1\ndata: a\n\ndata:b\ndata\ndata:  c\n\n",
     {{.type = "tick", .data = "a", .idempotency_key = "1"}, {.data = "b\n\n c"}}},
    {"CR and CRLF end lines, comments and unknown fields are skipped",
     sse,
     "",
     "\xef\xbb\xbf: hi\r\r\nfoo: bar\r\ndata: a\r\ndata: b\r\r\n\n",
     {{.data = "a\nb"}}},
};

const Refused refused[] = {
    {"an empty body", "", "", "", 400, "empty-body", "", ""},
    {"a newline in the id", "", "id=a%0Ab", "x", 400, "bad-id", "", "/id"},
    {"NUL in the event name", "", "event=a%00b", "x", 400, "bad-event", "", "/event"},
    {"an id that is not UTF-8", "", "id=%FF", "x", 400, "bad-id", "", ""},
    {"a name of ours", "", "event=sluice.gap", "x", 400, "reserved-event", "", "/event"},
    {"a long event name", "", "event=" + std::string(257, 'e'), "x", 400, "event-too-long", "", "/event"},
    {"a long id", json, "", "{\"data\":1,\"id\":\"" + std::string(129, 'i') + "\"}", 400, "id-too-long",
     "line 1, column 147", "/id"},
    {"a body that is not UTF-8", "", "", "caf\xe9!", 400, "not-utf-8", "byte 3", ""},
    {"a surrogate in UTF-8", json, "", "{\"data\":\"\xed\xa0\x80\"}", 400, "not-utf-8", "byte 9", ""},
    {"another charset", "text/plain; charset=latin1", "", "x", 415, "unsupported-charset", "", ""},
    {"JSON that stops", json, "", "{\"data\":", 400, "bad-json", "line 1, column 9", ""},
    {"an empty JSON body", json, "", "", 400, "bad-json", "line 1, column 1", ""},
    {"text after the JSON", json, "", "{\"data\":1} x", 400, "bad-json", "line 1, column 12", ""},
    {"a mistake on a later line", json, "", "[\n {\"data\":1},\n {\"data\":\xc3\xa9}]", 400, "bad-json",
     "line 3, column 10", ""},
    {"a bare string", json, "", "\"x\"", 400, "not-an-envelope", "line 1, column 3", ""},
    {"a bare number", json, "", "17", 400, "not-an-envelope", "line 1, column 3", ""},
    {"an array of numbers", json, "", "[1]", 400, "not-an-envelope", "line 1, column 3", ""},
    {"an array in an array", json, "", "[[{\"data\":1}]]", 400, "not-an-envelope", "line 1, column 2", ""},
    {"an empty array", json, "", "[]", 400, "no-events", "", ""},
    {"no data", json, "", "[{\"data\":1},{\"id\":\"7\"}]", 400, "no-data", "line 1, column 22", "/1/data"},
    {"an unknown member", json, "", "{\"data\":1,\"da~t/a\":2}", 400, "unknown-member", "line 1, column 18",
     "/da~0t~1a"},
    {"a member twice", json, "", "[{\"data\":1,\"data\":2}]", 400, "repeated-member", "line 1, column 17", "/0/data"},
    {"an id that is a number", json, "", "{\"data\":1,\"id\":7}", 400, "bad-id", "line 1, column 17", "/id"},
    {"an event that is null", json, "", "{\"event\":null,\"data\":1}", 400, "bad-event", "line 1, column 10", "/event"},
    {"a key that is an object", json, "", "{\"key\":{},\"data\":1}", 400, "bad-key", "line 1, column 8", "/key"},
    {"a newline in an id", json, "", "{\"data\":1,\"id\":\"a\\nb\"}", 400, "bad-id", "line 1, column 22", "/id"},
    {"JSON that is too deep", json, "", "{\"data\":" + std::string(40, '['), 400, "too-deep", "line 1, column 40", ""},
    {"broken JSON in line 3 of NDJSON", ndjson, "", "{\"data\":1}\n{\"data\":2}\n{\"data\":tru}\n{\"data\":4}\n", 400,
     "bad-json", "line 3, column 9", ""},
    {"an array in NDJSON", ndjson, "", "\n[{\"data\":1}]", 400, "not-an-envelope", "line 2, column 1", ""},
    {"two envelopes on a line", ndjson, "", "{\"data\":1}{\"data\":2}", 400, "bad-json", "line 1, column 11", ""},
    {"NDJSON without an event", ndjson, "", "\n\n", 400, "no-events", "", ""},
    {"retry: from a publisher", sse, "", "data: a\n\nretry: 5\ndata: b\n\n", 400, "reserved-field", "event 2, line 3",
     ""},
    {"an event without data", sse, "", "id: 7\n\n", 400, "no-data", "event 1, line 1", ""},
    {"an unfinished event", sse, "", "data: a\n\ndata: b\n", 400, "unfinished-event", "event 2, line 3", ""},
    {"an unfinished line", sse, "", "data: a", 400, "unfinished-event", "event 1, line 1", ""},
    {"NUL in an id line", sse, "", "id: a\0b\ndata: x\n\n"s, 400, "bad-id", "event 1, line 1", ""},
    {"a reserved name in a stream", sse, "", "data: x\nevent: sluice.open\n\n", 400, "reserved-event",
     "event 1, line 1", ""},
    {"an event stream without events", sse, "", ": nothing\n\n", 400, "no-events", "", ""},
};

}  // namespace

TEST_CASE("a publish body becomes exactly the events that it says") {
  for (const Accepted& row : accepted) {
    CAPTURE(row.name);
    const PublishBody result = parse(row.type, row.body, row.query);
    if (const Problem* problem = std::get_if<Problem>(&result)) FAIL(to_json(*problem));
    CHECK(std::get<Events>(result) == row.events);
  }
}

TEST_CASE("a bad publish body is refused whole, and the answer says where and why") {
  for (const Refused& row : refused) {
    CAPTURE(row.name);
    const PublishBody result = parse(row.type, row.body, row.query);
    REQUIRE(std::holds_alternative<Problem>(result));
    const Problem& problem = std::get<Problem>(result);
    CAPTURE(problem.detail);
    CHECK(problem.status == row.status);
    CHECK(problem.error == row.error);
    CHECK(problem.where == row.where);
    CHECK(problem.pointer == row.pointer);
    CHECK_FALSE(problem.detail.empty());
  }
}

TEST_CASE("an id line counts for its own event only, though in a stream it would stick") {
  const auto events = std::get<Events>(parse(sse, "id: 1\ndata: a\n\ndata: b\n\nid: 3\ndata: c\n\n"));
  REQUIRE(events.size() == 3);
  CHECK(events[0].idempotency_key == "1");
  CHECK(events[1].idempotency_key == "");
  CHECK(events[2].idempotency_key == "3");
}

TEST_CASE("an event at the limit passes, one byte or one line more is 413") {
  PublishLimits limits;
  limits.event_size = 100;
  limits.lines_per_event = 10;
  limits.events = 3;  // limits.events_per_body
  limits.key = 5;     // limits.event_key
  const auto status = [&](std::string_view type, const std::string& body) {
    const PublishBody result = parse(type, body, "", limits);
    return std::holds_alternative<Problem>(result) ? std::get<Problem>(result).status : 200;
  };
  CHECK(status("", std::string(100, 'x')) == 200);
  CHECK(status("", std::string(101, 'x')) == 413);
  CHECK(status("", std::string(9, '\n')) == 200);   // ten lines
  CHECK(status("", std::string(10, '\n')) == 413);  // eleven
  CHECK(status("", std::string(10, '\r')) == 413);
  CHECK(status(json, "{\"data\":\"" + std::string(101, 'x') + "\"}") == 413);
  CHECK(status(sse, "data: " + std::string(101, 'x') + "\n\n") == 413);
  CHECK(status(json, R"({"data":1,"key":"12345"})") == 200);
  CHECK(status(json, R"({"data":1,"key":"123456"})") == 400);
  for (const std::string& type : {ndjson, sse}) {
    const std::string one = type == sse ? "data: 1\n\n" : "{\"data\":1}\n";
    CHECK(status(type, one + one + one) == 200);
    CHECK(status(type, one + one + one + one) == 413);
  }
}

TEST_CASE("a problem reads as JSON whatever the publisher wrote") {
  const Problem problem{.error = "x", .detail = "a \"b\"\n\x01", .where = "line 1"};
  CHECK(to_json(problem) == "{\"error\":\"x\",\"detail\":\"a \\\"b\\\"\\n\\u0001\",\"where\":\"line 1\"}\n");
  const auto answer =
      sluice::serve::to_answer({.status = 405, .error = "e", .detail = "d", .fields = {{"allow", "GET"}}});
  CHECK(answer.head.status == 405);
  CHECK(sluice::proto::find_field(answer.head.fields, "allow") == "GET");
  CHECK(sluice::proto::find_field(answer.head.fields, "content-type") == "application/json");
  CHECK(sluice::proto::find_field(answer.head.fields, "content-length") == std::to_string(answer.bytes.size()));
}
