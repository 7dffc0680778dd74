#include "gateway/source/postgres_errors.h"

#include <algorithm>

namespace sluice::source {
namespace {

// "FATAL:  28P01: text": where the SQLSTATE begins; severities are translated, so that the colon and two blanks lead.
std::size_t find_sqlstate(std::string_view message) {
  for (std::size_t at = message.find(":  "); at != std::string_view::npos; at = message.find(":  ", at + 1)) {
    const std::string_view code = message.substr(at + 3, 6);
    if (code.size() == 6 && code[5] == ':' &&
        std::ranges::all_of(code.substr(0, 5), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }))
      return at + 3;
  }
  return std::string_view::npos;
}

}  // namespace

std::string sqlstate_in(std::string_view message) {
  const std::size_t at = find_sqlstate(message);
  return at == std::string_view::npos ? "" : std::string(message.substr(at, 5));
}

std::string first_line(std::string_view message) {
  if (const std::size_t at = find_sqlstate(message); at != std::string_view::npos) message.remove_prefix(at + 7);
  message = message.substr(0, message.find('\n'));
  while (!message.empty() && message.back() == ' ') message.remove_suffix(1);
  return std::string(message);
}

std::string explain_postgres_connection(std::string_view message, const PostgresUrl& url) {
  const std::string server = "postgres at " + url.authority();
  const std::string user = url.user.empty() ? "the user" : "user " + url.user;
  const std::string state = sqlstate_in(message);
  const std::string said = first_line(message);
  const std::string quoted = " (it says: " + said + ")";
  const auto says = [message](std::string_view words) { return message.find(words) != std::string_view::npos; };

  if (state == "28P01" && !url.has_password)
    return server + " wants a password for " + user + ": write postgres://user:password@… in the source's url";
  if (state == "28P01") return server + " refuses the password of " + user + ": mend it in the source's url" + quoted;
  if (says("no password supplied"))
    return server + " wants a password for " + user + ": write postgres://user:password@… in the source's url";
  if (state == "28000" && says("pg_hba.conf"))
    return server + " lets " + user + " in from nowhere near here: mend its pg_hba.conf, or the source's url" + quoted;
  if (state == "28000") return server + " does not know " + user + ": CREATE ROLE, or mend the source's url" + quoted;
  if (state == "3D000")
    return server + " has no database " + (url.database.empty() ? "of that name" : url.database) +
           ": createdb, or mend the end of the source's url";
  if (state == "53300") return server + " has no connection left: raise its max_connections, or pool them" + quoted;
  if (state == "57P03") return server + " is starting, stopping or recovering" + quoted;
  if (!state.empty()) return server + " refuses the connection" + quoted;
  if (says("certificate verify failed") || says("certificate is not yet valid"))
    return server + " shows a certificate that is not trusted: set tls.ca to the CA that signed it" + quoted;
  if (says("does not match host name"))
    return server + " shows the certificate of another host: write the name that it has in the source's url" + quoted;
  if (says("does not support SSL"))
    return server + " has no TLS: switch it on there (ssl = on), or remove sslmode and tls.ca here";
  if (says("root certificate file") || says("private key file") || says("certificate file"))
    return server + ": a file of tls.ca, tls.cert or tls.key cannot be used" + quoted;
  if (says("Connection refused")) return "nobody listens as " + server + ": start it, or mend the source's url";
  return server + ": " + said;
}

std::string explain_postgres_refusal(std::string_view sqlstate, std::string_view message, std::string_view table) {
  std::string said(message.substr(0, message.find('\n')));
  const std::string quoted = " (it says: " + said + ")";
  const std::string name(table);
  if (sqlstate == "42501" && !name.empty())
    return "the user may not use table " + name + ": GRANT SELECT, or INSERT for publish = true, ON " + name + quoted;
  if (sqlstate == "42P01" && !name.empty()) return "table " + name + " has gone" + quoted;
  if (sqlstate == "57014" && !name.empty())
    return "a query of table " + name + " took too long: CREATE INDEX ON " + name + " (xid, id)" + quoted;
  if (sqlstate == "25006") return "the server is a read-only standby: name the primary in the source's url" + quoted;
  return said;
}

}  // namespace sluice::source
