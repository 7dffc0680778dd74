// What every PostgreSQL source begins with: its keys, checked without a server, and the options of its connections.
// Called once at start. Invariant: what check_postgres() lets pass makes a source.
#pragma once

#include <string>

#include "gateway/source/postgres_connection.h"
#include "gateway/source/source.h"

namespace sluice::source {

// Throws std::invalid_argument: what is wrong with the source's keys, and the remedy.
void check_postgres(const config::Source& config);
// `purpose` stands in pg_stat_activity, behind the source's name; empty: nothing does. Throws as check_postgres() does.
[[nodiscard]] PostgresConnection::Options postgres_options(Context& context, const std::string& purpose);

}  // namespace sluice::source
