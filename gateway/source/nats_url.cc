#include "gateway/source/nats_url.h"

#include <stdexcept>

#include "gateway/source/url_part.h"

namespace sluice::source {

namespace {

// What a person who typed a password with a '#' or '@' in it has to know, whatever the parser stumbled on.
constexpr const char* how_to_write =
    ": write nats://localhost:4222, nats://user:password@host or nats://token@host; in user, password and token write "
    "%25 for %, %40 for @, %3A for :, %2F for / and %2C for the comma";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why + how_to_write); }

void take_account(NatsUrl& url, std::string_view account) {
  const std::size_t colon = account.find(':');
  if (colon == std::string_view::npos) {
    url.token = decode_url_part(account, how_to_write);
    if (url.token.empty()) refuse("the token before `@` is empty");
    return;
  }
  url.user = decode_url_part(account.substr(0, colon), how_to_write);
  url.password = decode_url_part(account.substr(colon + 1), how_to_write);
  if (url.user.empty()) refuse("the user is missing");
}

}  // namespace

std::string NatsUrl::authority() const {
  std::string text;
  for (const std::string& server : servers) text.append(text.empty() ? "" : ",").append(server);
  return text;
}

NatsUrl parse_nats_url(std::string_view text) {
  NatsUrl url;
  url.tls = text.starts_with("tls:");
  if (!url.tls && !text.starts_with("nats:")) refuse("the scheme must be nats, or tls for NATS over TLS");
  text.remove_prefix(text.find(':') + 1);
  if (!text.starts_with("//")) refuse("two slashes are missing");
  text.remove_prefix(2);
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    take_account(url, text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  for (;;) {
    const std::size_t comma = text.find(',');
    url.servers.push_back(parse_url_server(text.substr(0, comma), 4222, how_to_write).authority());
    if (comma == std::string_view::npos) return url;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace sluice::source
