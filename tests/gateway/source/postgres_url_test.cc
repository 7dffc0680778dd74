#include "gateway/source/postgres_url.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

namespace sluice::source {
namespace {

std::string parameter(const PostgresUrl& url, const std::string& name) {
  const auto found = std::ranges::find(url.parameters, name, &std::pair<std::string, std::string>::first);
  return found == url.parameters.end() ? "-" : found->second;
}

TEST_CASE("a URL says where the server is, who we are there, and whether it must show a certificate") {
  const auto url = parse_postgres_url("postgres://ann:p%40ss@db.example.com:6432/shop?sslmode=require", {}, "sluice a");
  REQUIRE(url.hosts.size() == 1);
  CHECK(url.hosts[0].name == "db.example.com");
  CHECK(url.hosts[0].port == "6432");
  CHECK(url.authority() == "db.example.com:6432");
  CHECK(url.user == "ann");
  CHECK(url.database == "shop");
  CHECK(url.has_password);
  CHECK(parameter(url, "password") == "p@ss");
  CHECK(parameter(url, "sslmode") == "require");
  CHECK(parameter(url, "application_name") == "sluice a");
  CHECK(parameter(url, "client_encoding") == "UTF8");
  CHECK(!url.has("host"));
  CHECK(!url.has("port"));
}

TEST_CASE("several hosts, IPv6 addresses and local sockets are hosts too") {
  const auto several = parse_postgres_url("postgresql://a:1,b:2,c/x", {}, "s");
  REQUIRE(several.hosts.size() == 3);
  CHECK(several.authority() == "a:1,b:2,c:5432");
  CHECK(parse_postgres_url("postgres://[::1]/x", {}, "s").authority() == "[::1]:5432");
  const auto local = parse_postgres_url("postgres:///shop", {}, "s");
  REQUIRE(local.hosts.size() == 1);
  CHECK(local.hosts[0].is_socket_folder());
  CHECK(parse_postgres_url("postgres://%2Frun%2Fpostgresql/x", {}, "s").hosts[0].is_socket_folder());
}

TEST_CASE("the keys of tls demand a certificate of that host, unless the URL says what to demand") {
  const config::SourceTls tls{.ca = "/ca.pem", .cert = "/cert.pem", .key = "/key.pem"};
  const auto strict = parse_postgres_url("postgres://db/x", tls, "s");
  CHECK(parameter(strict, "sslmode") == "verify-full");
  CHECK(parameter(strict, "sslrootcert") == "/ca.pem");
  CHECK(parameter(strict, "sslcert") == "/cert.pem");
  CHECK(parameter(strict, "sslkey") == "/key.pem");
  CHECK(parameter(parse_postgres_url("postgres://db/x?sslmode=verify-ca", tls, "s"), "sslmode") == "verify-ca");
  CHECK(parameter(parse_postgres_url("postgres://db/x", {}, "s"), "sslmode") == "-");
}

TEST_CASE("what is no URL is refused with an example, and without the password") {
  for (const std::string text : {"postgres://u:geheim@[::1", "postgres://u:geheim@h/x?sslmod=require",
                                 "postgres://u:gehe%im@h/x", "postgres://u:geheim@a,b,c/x?port=1,2"}) {
    CAPTURE(text);
    try {
      (void)parse_postgres_url(text, {}, "s");
      FAIL("accepted");
    } catch (const std::invalid_argument& error) {
      const std::string why = error.what();
      CHECK(why.find("gehe") == std::string::npos);
      CHECK((why.find("write postgres://") != std::string::npos || why.find("one for all") != std::string::npos));
    }
  }
}

}  // namespace
}  // namespace sluice::source
