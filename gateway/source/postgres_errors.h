// What PostgreSQL's refusals mean for the person who wrote the source's configuration: what happened, and the remedy.
// Pure; used by source/postgres_connection and the sources over it. Invariant: no text repeats the password.
#pragma once

#include <string>
#include <string_view>

#include "gateway/source/postgres_url.h"

namespace sluice::source {

// The five characters of an SQLSTATE in libpq's verbose text ("FATAL:  28P01: password …"); empty: none.
[[nodiscard]] std::string sqlstate_in(std::string_view message);
// The first line of libpq's text, without severity and SQLSTATE.
[[nodiscard]] std::string first_line(std::string_view message);

// Why there is no connection: `message` is libpq's.
[[nodiscard]] std::string explain_postgres_connection(std::string_view message, const PostgresUrl& url);
// Why the server did not do what was asked. `table`: of the source, empty where it has none.
[[nodiscard]] std::string explain_postgres_refusal(std::string_view sqlstate, std::string_view message,
                                                   std::string_view table);

}  // namespace sluice::source
