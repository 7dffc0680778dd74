#include "gateway/source/nats_connection.h"

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "proto/json.h"

namespace sluice::source {

namespace {

constexpr std::int64_t connect_milliseconds = 3'000;
// A PING every 2.5 s; the third that finds two unanswered ends the connection: a hung server is noticed within 7.5 s.
constexpr std::int64_t ping_milliseconds = 2'500;
constexpr int unanswered_pings_max = 2;

// libnats prints what nobody handles; the source learns of everything from the calls that fail.
void on_error(natsConnection*, natsSubscription*, natsStatus, void*) noexcept {}

std::string tls_remedy(const config::SourceTls& tls) {
  return tls.ca.empty()
             ? "; set tls.ca to the certificate of the authority that signed the server's"
             : "; tls.ca (" + tls.ca.string() + ") must be the authority that signed the server's certificate";
}

std::string explain(natsStatus status, const NatsUrl& url, const config::SourceTls& tls) {
  const std::string server = "nats at " + url.authority();
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
      if (!url.token.empty()) return server + " refuses the token: mend it in the source's url";
      if (!url.user.empty())
        return server + " refuses user " + url.user + " or the password: mend them in the source's url";
      return server + " wants a user and a password, or a token: write nats://user:password@" + url.authority() +
             " or nats://token@" + url.authority() + " in the source's url";
    case NATS_SECURE_CONNECTION_WANTED:
      return server + " speaks no TLS: write nats:// in the source's url";
    case NATS_SECURE_CONNECTION_REQUIRED:
      return server + " wants TLS: write tls:// in the source's url";
    case NATS_SSL_ERROR:
      return server + ": " + nats_failure(status) + (url.tls ? tls_remedy(tls) : "; write tls:// in the source's url");
    case NATS_TIMEOUT:
      return server + " does not answer within 3 s: is it running, and is that a NATS server?";
    case NATS_NO_SERVER:
      return server + " cannot be reached: is it running, and is the source's url right?";
    default:
      return server + " cannot be connected to: " + nats_failure(status);
  }
}

natsStatus set_tls(natsOptions* options, const config::SourceTls& tls, std::string& why) {
  natsStatus status = natsOptions_SetSecure(options, true);
  if (status == NATS_OK && !tls.ca.empty()) {
    status = natsOptions_LoadCATrustedCertificates(options, tls.ca.c_str());
    if (status != NATS_OK) why = "tls.ca: cannot read certificates from " + tls.ca.string();
  }
  if (status == NATS_OK && !tls.cert.empty()) {
    status = natsOptions_LoadCertificatesChain(options, tls.cert.c_str(), tls.key.c_str());
    if (status != NATS_OK)
      why = "tls.cert, tls.key: cannot read a certificate and its key from " + tls.cert.string() + " and " +
            tls.key.string();
  }
  return status;
}

// libnats 3.4 writes them into the JSON of CONNECT as they are: a quotation mark would end the connection.
std::string json_text(const std::string& text) {
  std::string escaped;
  proto::append_json_text(escaped, text);
  return escaped;
}

natsStatus set_options(natsOptions* options, const NatsUrl& url, const std::string& source) {
  std::vector<std::string> servers;
  std::vector<const char*> texts;
  for (const std::string& server : url.servers) servers.push_back((url.tls ? "tls://" : "nats://") + server);
  for (const std::string& server : servers) texts.push_back(server.c_str());
  natsStatus status = natsOptions_SetServers(options, texts.data(), static_cast<int>(texts.size()));
  const auto then = [&status](auto&& call) {
    if (status == NATS_OK) status = call();
  };
  then([&] { return natsOptions_SetAllowReconnect(options, false); });
  then([&] { return natsOptions_SetTimeout(options, connect_milliseconds); });
  then([&] { return natsOptions_SetPingInterval(options, ping_milliseconds); });
  then([&] { return natsOptions_SetMaxPingsOut(options, unanswered_pings_max); });
  then([&] { return natsOptions_SetSendAsap(options, true); });  // its flusher would wait 1 ms for more
  then([&] { return natsOptions_SetErrorHandler(options, on_error, nullptr); });
  then([&] { return natsOptions_SetName(options, ("sluice " + source).c_str()); });
  if (!url.user.empty())
    then(
        [&] { return natsOptions_SetUserInfo(options, json_text(url.user).c_str(), json_text(url.password).c_str()); });
  if (!url.token.empty()) then([&] { return natsOptions_SetToken(options, json_text(url.token).c_str()); });
  return status;
}

}  // namespace

std::string nats_failure(natsStatus status) {
  // "(conn.c:733): SSL handshake error: …": the place in libnats is nobody's business.
  natsStatus of = NATS_OK;
  const char* last = nats_GetLastError(&of);
  std::string text = of != status || last == nullptr || *last == '\0' ? natsStatus_GetText(status) : last;
  if (text.starts_with('('))
    if (const std::size_t end = text.find("): "); end != std::string::npos) text.erase(0, end + 3);
  return text;
}

void check_nats(const config::Source& config) {
  const NatsUrl url = parse_nats_url(config.url);
  natsOptions* made = nullptr;
  (void)natsOptions_Create(&made);
  const NatsOptionsHandle options(made);
  std::string why;
  if (url.tls && set_tls(made, config.tls, why) != NATS_OK) throw std::invalid_argument(why);
}

NatsConnected connect_nats(const NatsUrl& url, const config::SourceTls& tls, const std::string& source) {
  natsOptions* made = nullptr;
  natsStatus status = natsOptions_Create(&made);
  const NatsOptionsHandle options(made);
  std::string why;
  if (status == NATS_OK) status = set_options(made, url, source);
  if (status == NATS_OK && url.tls) status = set_tls(made, tls, why);
  natsConnection* connection = nullptr;
  if (status == NATS_OK) status = natsConnection_Connect(&connection, made);
  if (status != NATS_OK) return {nullptr, why.empty() ? explain(status, url, tls) : why};
  return {NatsConnection(connection, natsConnection_Destroy), {}};
}

}  // namespace sluice::source
