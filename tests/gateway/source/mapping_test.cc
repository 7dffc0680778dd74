#include "gateway/source/mapping.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::source {
namespace {

constexpr std::string_view payload =
    R"( { "type" : "price" , "at": {"x/y": [ 10, {"z~": "deep"}, [ ] ], "": "empty"}, "n": 12345678901234567890,
  "big": 1e400, "half": 0.10, "no": null, "yes": true, "text": "a\"b\\ \u00e9\ud83d\ude00\n", "twice": 1, "twice": 2,
  "k\u0065y": "escaped name", "o": { "a" : [ 1 , "x  y, \" }" ] , "b" : { } } } )";

TEST_CASE("a pointer finds members and elements at any depth, and strings lose their quotes") {
  CHECK(by_pointer(payload, "/type") == "price");
  CHECK(by_pointer(payload, "/at/x~1y/0") == "10");
  CHECK(by_pointer(payload, "/at/x~1y/1/z~0") == "deep");
  CHECK(by_pointer(payload, "/at/") == "empty");
  CHECK(by_pointer(payload, "/text") == "a\"b\\ \u00e9\U0001F600\n");
  CHECK(by_pointer(payload, "/key") == "escaped name");
  CHECK(by_pointer(payload, "/twice") == "2");
  CHECK(by_pointer(payload, "/yes") == "true");
}

TEST_CASE("values that are no strings come compact, their numbers digit by digit") {
  CHECK(by_pointer(payload, "/n") == "12345678901234567890");
  CHECK(by_pointer(payload, "/big") == "1e400");
  CHECK(by_pointer(payload, "/half") == "0.10");
  CHECK(by_pointer(payload, "/o") == R"({"a":[1,"x  y, \" }"],"b":{}})");
  CHECK(by_pointer(payload, "/at/x~1y/2") == "[]");
  CHECK(by_pointer(" [ 1 , 2 ] ", "") == "[1,2]");
  CHECK(by_pointer("\"whole\"", "") == "whole");
}

TEST_CASE("what is not there, is null or is no pointer finds nothing") {
  for (const std::string_view pointer : {"/other", "/no", "/type/0", "/n/x", "/at/x~1y/3", "/at/x~1y/-", "/at/x~1y/00",
                                         "/at/x~1y/01", "type", "/at/x~2", "/at/x~", "/TYPE"}) {
    CAPTURE(pointer);
    CHECK_FALSE(by_pointer(payload, pointer));
  }
}

TEST_CASE("what is not one JSON document has no parts") {
  const std::string deep = std::string(33, '[') + std::string(33, ']');
  for (const std::string& text : {std::string(), std::string("{"), std::string("{\"a\":1}x"), std::string("{'a':1}"),
                                  std::string("{\"a\":\"\xff\"}"), std::string("{\"a\":\"\n\"}"),
                                  std::string("{\"a\":\"\\ud800\"}"), std::string("{\"a\":01}"), deep}) {
    CAPTURE(text);
    CHECK_FALSE(valid_json(text));
    CHECK_FALSE(by_pointer(text, "/a"));
    CHECK_FALSE(by_pointer(text, ""));
    CHECK_FALSE(members_of(text));
  }
  CHECK(valid_json(deep.substr(1, 64)));
}

TEST_CASE("the members of an object keep their order and their text") {
  const auto members = members_of(" {\"b\" : [1, 2] ,\"a\":\"x\"}");
  REQUIRE(members);
  CHECK(*members == std::vector<Member>{{"b", "[1, 2]"}, {"a", "\"x\""}});
  CHECK(members_of("{ }")->empty());
  CHECK_FALSE(members_of("[1]"));
  CHECK_FALSE(members_of("1"));
}

TEST_CASE("a mapping is a pointer, or the name of a member") {
  CHECK(pointer_of("/a/b") == "/a/b");
  CHECK(pointer_of("a/b~") == "/a~1b~0");
  CHECK(pointer_of("").empty());
}

}  // namespace
}  // namespace sluice::source
