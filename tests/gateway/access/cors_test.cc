#include "gateway/access/cors.h"

#include <doctest/doctest.h>

using namespace sluice;
using access::Cors;
using access::Refusal;
using Fields = std::vector<proto::Field>;

namespace {

proto::Request from(std::string origin, bool preflight = false) {
  proto::Request request{.method = preflight ? "OPTIONS" : "GET"};
  if (!origin.empty()) request.fields.push_back({"origin", std::move(origin)});
  if (preflight) request.fields.push_back({"access-control-request-method", "POST"});
  return request;
}

Fields applied(const Cors& cors, const proto::Request& request) {
  proto::ResponseHead head;
  cors.apply(request, head);
  return head.fields;
}

const std::vector<std::string> listed = {"https://app.example.com", "http://localhost:3000"};

}  // namespace

TEST_CASE("a listed origin may read, and the last event id with it") {
  CHECK(applied(Cors(listed, false), from("https://app.example.com")) ==
        Fields{{"vary", "origin"},
               {"access-control-allow-origin", "https://app.example.com"},
               {"access-control-expose-headers", "last-event-id"}});
}

TEST_CASE("credentials are allowed to a listed origin only") {
  const Cors cors(listed, true);
  CHECK(applied(cors, from("http://localhost:3000")).back() ==
        proto::Field{"access-control-allow-credentials", "true"});
  CHECK(applied(cors, from("https://evil.example")) == Fields{{"vary", "origin"}});
}

TEST_CASE("every other origin gets nothing but vary") {
  const Cors cors({"https://app.example.com", "*", "null"}, true);
  for (const char* origin : {"", "*", "null", "https://app.example.com:444", "http://app.example.com",
                             "https://app.example.com.evil.example", "https://APP.example.com"}) {
    CAPTURE(origin);
    CHECK(applied(cors, from(origin)) == Fields{{"vary", "origin"}});
  }
}

TEST_CASE("a preflight of a listed origin learns methods, headers and how long that holds") {
  const auto answer = Cors(listed, true).answer_options(from("http://localhost:3000", true), "GET, POST, OPTIONS");
  const auto& head = std::get<proto::ResponseHead>(answer);
  CHECK(head.status == 204);
  CHECK(proto::find_field(head.fields, "access-control-allow-origin") == "http://localhost:3000");
  CHECK(proto::find_field(head.fields, "access-control-allow-methods") == "GET, POST, OPTIONS");
  CHECK(proto::find_field(head.fields, "access-control-allow-headers") == "last-event-id, content-type, authorization");
  CHECK(proto::find_field(head.fields, "access-control-allow-credentials") == "true");
  CHECK(proto::find_field(head.fields, "access-control-max-age") == "7200");
  CHECK(proto::find_field(head.fields, "vary") == "origin");
}

TEST_CASE("a preflight of a stranger is refused with the key that would list it") {
  const auto answer = Cors(listed, true).answer_options(from("https://evil.example", true), "GET, OPTIONS");
  const auto& refusal = std::get<Refusal>(answer);
  CHECK(refusal.status == 403);
  CHECK(refusal.detail.find("cors.origins") != std::string::npos);
  CHECK(refusal.fields == Fields{{"vary", "origin"}});
}

TEST_CASE("a plain OPTIONS is told what the route answers") {
  const auto answer = Cors({}, false).answer_options(from("", false), "GET, OPTIONS");
  CHECK(std::get<proto::ResponseHead>(answer).fields == Fields{{"allow", "GET, OPTIONS"}, {"vary", "origin"}});
}
