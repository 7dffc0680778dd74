// PostgresUrl: where PostgreSQL is and who we are there, from `postgres://user:password@host:port/database?sslmode=…`
// as libpq reads it, and from the source's `tls.*` keys. A value, made once at start. libpq would resolve host names by
// blocking: they stand apart here, so that the connection can resolve them first.
// Invariant: no text that it gives repeats the password.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gateway/config/config.h"

namespace sluice::source {

struct PostgresUrl {
  struct Host {
    std::string name;  // empty: libpq's default; beginning with `/`: the folder of a Unix socket
    std::string port;
    [[nodiscard]] bool is_socket_folder() const { return name.empty() || name.front() == '/'; }
  };
  std::vector<Host> hosts;     // tried in order; at least one
  std::string user, database;  // for texts; empty: libpq's defaults
  bool has_password = false;
  std::vector<std::pair<std::string, std::string>> parameters;  // of libpq, all but host and port

  [[nodiscard]] bool has(const std::string& parameter) const;
  [[nodiscard]] std::string authority() const;  // "db1:5432,db2:5432"
};

// Throws std::invalid_argument with what is wrong and how to write it.
[[nodiscard]] PostgresUrl parse_postgres_url(const std::string& url, const config::SourceTls& tls,
                                             const std::string& application_name);

}  // namespace sluice::source
