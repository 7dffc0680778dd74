#include "gateway/access/publishing.h"

#include <doctest/doctest.h>

using namespace sluice;
using access::Cors;
using access::Publishing;

namespace {

proto::Request post(std::string authority, std::vector<proto::Field> fields = {}) {
  return {.method = "POST", .scheme = "https", .authority = std::move(authority), .fields = std::move(fields)};
}

const Cors cors({"https://app.example.com"}, false);
const Publishing zero({.zero_configuration = true}, cors);
const Publishing configured({}, cors);
const Publishing public_listener({.loopback = false}, cors);
const Publishing zero_public({.zero_configuration = true, .loopback = false}, cors);
const Publishing secret({.secret = "s3cret", .loopback = false}, cors);

std::string answer(const Publishing& publishing, const proto::Request& request) {
  const auto refusal = publishing.refuse_publish(request);
  return refusal ? std::to_string(refusal->status) + " " + refusal->error : "open";
}

}  // namespace

TEST_CASE("publishing is open in the zero-configuration mode on loopback, and nowhere else") {
  CHECK(answer(zero, post("localhost:8443")) == "open");
  CHECK(answer(configured, post("localhost:8443")) == "403 publishing-closed");
  CHECK(answer(public_listener, post("sluice.example:8443")) == "403 publishing-closed");
  CHECK(answer(zero_public, post("localhost:8443")) == "403 publishing-closed");
  CHECK(public_listener.refuse_publish(post("x"))->detail.find("access.publish_secret") != std::string::npos);
  CHECK(public_listener.closed());
  CHECK_FALSE(zero.closed());
  CHECK_FALSE(secret.closed());
}

TEST_CASE("with a secret, publishing takes it as a bearer") {
  CHECK(answer(secret, post("h")) == "401 no-secret");
  CHECK(answer(secret, post("h", {{"authorization", "Bearer s3cret"}})) == "open");
  CHECK(answer(secret, post("h", {{"authorization", "bearer   s3cret"}})) == "open");
  for (const char* wrong : {"Bearer s3cre", "Bearer s3crets", "Bearer S3CRET", "Bearer ", "Bearer s3crets3cret"})
    CHECK(answer(secret, post("h", {{"authorization", wrong}})) == "401 wrong-secret");
  CHECK(answer(secret, post("h", {{"authorization", "Basic s3cret"}})) == "401 no-secret");
  CHECK(proto::find_field(secret.refuse_publish(post("h"))->fields, "www-authenticate").starts_with("Bearer"));
}

TEST_CASE("a page of another origin cannot publish, with or without the secret") {
  const auto with = [](std::string origin) {
    return post("localhost:8443", {{"origin", std::move(origin)}, {"authorization", "Bearer s3cret"}});
  };
  for (const Publishing* publishing : {&zero, &secret}) {
    CHECK(answer(*publishing, with("https://localhost:8443")) == "open");
    CHECK(answer(*publishing, with("https://LOCALHOST:8443")) == "open");
    CHECK(answer(*publishing, with("https://app.example.com")) == "open");
    CHECK(answer(*publishing, with("https://evil.example")) == "403 origin-not-allowed");
    CHECK(answer(*publishing, with("http://localhost:8443")) == "403 origin-not-allowed");
    CHECK(answer(*publishing, with("https://localhost:8444")) == "403 origin-not-allowed");
    CHECK(answer(*publishing, with("null")) == "403 origin-not-allowed");
  }
}

TEST_CASE("without a configuration only loopback names are answered") {
  for (const char* name : {"localhost", "localhost:8443", "LocalHost:1", "127.0.0.1:8443", "[::1]:8443", "[::1]"}) {
    CAPTURE(name);
    CHECK_FALSE(zero.refuse_authority(post(name)));
  }
  for (const char* name : {"", "evil.example", "localhost.evil.example", "localhost:8443.evil.example", "127.0.0.10",
                           "user@localhost", "[::1", "::1", "localhost:123456"}) {
    CAPTURE(name);
    REQUIRE(zero.refuse_authority(post(name)));
    CHECK(zero.refuse_authority(post(name))->status == 421);
    CHECK_FALSE(configured.refuse_authority(post(name)));
  }
}

TEST_CASE("secrets are equal only when every byte is") {
  using access::equal_secrets;
  CHECK(equal_secrets("abc", "abc"));
  CHECK_FALSE(equal_secrets("abc", "abd"));
  CHECK_FALSE(equal_secrets("abc", "abcabc"));
  CHECK_FALSE(equal_secrets("abcabc", "abc"));
  CHECK_FALSE(equal_secrets("", "a"));
  CHECK_FALSE(equal_secrets("a", ""));
}
