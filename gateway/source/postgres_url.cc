#include "gateway/source/postgres_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace sluice::source {
namespace {

constexpr const char* example = "postgres://user:password@localhost:5432/database";

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
struct FreeText {
  void operator()(char* text) const { PQfreemem(text); }
};

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t comma = std::min(list.find(','), list.size());
    parts.emplace_back(list.substr(0, comma));
    if (comma == list.size()) return parts;
    list.remove_prefix(comma + 1);
  }
}

void set(PostgresUrl& url, const std::string& name, const std::string& value) {
  if (!url.has(name)) url.parameters.emplace_back(name, value);
}

void set_hosts(PostgresUrl& url, std::string_view hosts, std::string_view ports) {
  const std::vector<std::string> names = split(hosts), numbers = split(ports);
  if (numbers.size() != 1 && numbers.size() != names.size())
    throw std::invalid_argument("`url`: as many ports as hosts, or one for all");
  for (std::size_t index = 0; index != names.size(); ++index) {
    const std::string& port = numbers[numbers.size() == 1 ? 0 : index];
    url.hosts.push_back({names[index], port.empty() ? "5432" : port});
  }
}

}  // namespace

bool PostgresUrl::has(const std::string& parameter) const {
  return std::ranges::find(parameters, parameter, &std::pair<std::string, std::string>::first) != parameters.end();
}

std::string PostgresUrl::authority() const {
  std::string text;
  for (const Host& host : hosts) {
    if (!text.empty()) text += ',';
    const bool brackets = host.name.find(':') != std::string::npos;
    text += host.name.empty() ? "the local socket" : brackets ? "[" + host.name + "]" : host.name;
    text += ":" + host.port;
  }
  return text;
}

PostgresUrl parse_postgres_url(const std::string& text, const config::SourceTls& tls,
                               const std::string& application_name) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(text.c_str(), &complaint));
  const std::unique_ptr<char, FreeText> owned_complaint(complaint);
  if (!options) {
    // Its other texts quote parts of the URL, which may be those of a password.
    std::string why = complaint == nullptr ? "" : complaint;
    why.erase(std::min(why.find_last_not_of('\n') + 1, why.size()));
    if (!why.starts_with("invalid URI query parameter")) why.clear();
    throw std::invalid_argument("`url`: not a PostgreSQL URL" + (why.empty() ? "" : " (" + why + ")") + ": write " +
                                example +
                                "; in user and password write % as %25, @ as %40, : as %3A, / as %2F, # as %23");
  }
  PostgresUrl url;
  std::string hosts, ports;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view name = option->keyword;
    if (name == "host")
      hosts = option->val;
    else if (name == "port")
      ports = option->val;
    else
      url.parameters.emplace_back(option->keyword, option->val);
    if (name == "user") url.user = option->val;
    if (name == "dbname") url.database = option->val;
    if (name == "password") url.has_password = true;
  }
  set_hosts(url, hosts, ports);
  if (!tls.ca.empty()) {
    set(url, "sslmode", "verify-full");
    set(url, "sslrootcert", tls.ca.string());
  }
  if (!tls.cert.empty()) set(url, "sslcert", tls.cert.string());
  if (!tls.key.empty()) set(url, "sslkey", tls.key.string());
  set(url, "application_name", application_name);
  set(url, "client_encoding", "UTF8");
  set(url, "gssencmode", "disable");  // its look for credentials may block
  return url;
}

}  // namespace sluice::source
