#include "gateway/source/postgres_errors.h"

#include <doctest/doctest.h>

namespace sluice::source {
namespace {

PostgresUrl url() { return parse_postgres_url("postgres://ann:geheim@db/shop", {}, "s"); }

TEST_CASE("an SQLSTATE is found in libpq's text, whatever the language of the severity") {
  const char* text =
      "connection to server at \"db\" failed: FATAL:  28P01: password authentication failed\nLOCATION:  x";
  CHECK(sqlstate_in(text) == "28P01");
  CHECK(first_line(text) == "password authentication failed");
  CHECK(sqlstate_in("SCHWERWIEGEND:  3D000: Datenbank fehlt") == "3D000");
  CHECK(sqlstate_in("could not connect: Connection refused") == "");
  CHECK(first_line("could not connect: Connection refused\n\tIs it running?\n") ==
        "could not connect: Connection refused");
}

TEST_CASE("a refused connection is told with its remedy") {
  const struct {
    const char *message, *remedy;
  } rows[] = {
      {"FATAL:  28P01: password authentication failed for user \"ann\"", "refuses the password of user ann: mend it"},
      {"FATAL:  28000: no pg_hba.conf entry for host", "mend its pg_hba.conf"},
      {"FATAL:  28000: role \"ann\" does not exist", "does not know user ann: CREATE ROLE"},
      {"FATAL:  3D000: database \"shop\" does not exist", "has no database shop"},
      {"FATAL:  53300: sorry, too many clients already", "raise its max_connections"},
      {"FATAL:  57P03: the database system is starting up", "is starting"},
      {"FATAL:  0A000: something else", "refuses the connection (it says: something else)"},
      {"SSL error: certificate verify failed", "set tls.ca"},
      {"server certificate for \"a\" does not match host name \"db\"", "certificate of another host"},
      {"server does not support SSL, but SSL was required", "has no TLS"},
      {"root certificate file \"/x\" does not exist", "tls.ca, tls.cert or tls.key"},
      {"connection to server at \"db\", port 5432 failed: Connection refused", "nobody listens as postgres at db:5432"},
      {"fe_sendauth: no password supplied", "wants a password for user ann"},
      {"something new", "postgres at db:5432: something new"},
  };
  for (const auto& row : rows) {
    const std::string text = explain_postgres_connection(row.message, url());
    CHECK_MESSAGE(text.find(row.remedy) != std::string::npos, text);
    CHECK(text.find("geheim") == std::string::npos);
  }
  const auto open = parse_postgres_url("postgres://ann@db/shop", {}, "s");
  CHECK(explain_postgres_connection("FATAL:  28P01: no", open).find("wants a password for user ann") !=
        std::string::npos);
}

TEST_CASE("a refused query is told with its remedy") {
  CHECK(explain_postgres_refusal("42501", "permission denied", "outbox").find("GRANT SELECT") != std::string::npos);
  CHECK(explain_postgres_refusal("42P01", "does not exist", "outbox").starts_with("table outbox has gone"));
  CHECK(explain_postgres_refusal("57014", "canceled", "outbox").find("CREATE INDEX ON outbox (xid, id)") !=
        std::string::npos);
  CHECK(explain_postgres_refusal("25006", "read-only", "").find("name the primary") != std::string::npos);
  CHECK(explain_postgres_refusal("22P02", "invalid input\nDETAIL", "outbox") == "invalid input");
}

}  // namespace
}  // namespace sluice::source
