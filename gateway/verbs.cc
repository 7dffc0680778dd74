// The verbs that are a room's own work: the options of the command line into the room's terms.
#include "gateway/verbs.h"

#include <iostream>

#include "certs/certs.h"
#include "certs/certs_command.h"
#include "gateway/client/publish.h"
#include "gateway/client/tail.h"

namespace sluice {

namespace {

client::Trust trust_of(const ReachOptions& reach) {
  client::Trust trust;
  trust.cacert = reach.cacert;
  trust.insecure = reach.insecure;
  trust.development_ca = certs::default_certificate_directory() / "ca.pem";
  return trust;
}

std::vector<proto::Field> fields_of(const ReachOptions& reach) {
  std::vector<proto::Field> fields;
  for (const auto& [name, value] : reach.headers) fields.push_back({name, value});
  return fields;
}

}  // namespace

int tail(const TailOptions& options) {
  client::TailOptions tail;
  tail.url = options.reach.url;
  tail.trust = trust_of(options.reach);
  tail.headers = fields_of(options.reach);
  tail.last_event_id = options.last_event_id.value_or("");
  tail.earliest = options.earliest;
  tail.count = options.count;
  tail.json = options.json;
  tail.reconnect = options.reconnect;
  return client::tail(tail, std::cout, std::cerr);
}

int publish(const PubOptions& options) {
  client::PubOptions pub;
  pub.url = options.reach.url;
  pub.trust = trust_of(options.reach);
  pub.headers = fields_of(options.reach);
  pub.data = options.data;
  pub.event = options.event;
  pub.id = options.id;
  pub.key = options.key;
  pub.secret = options.secret;
  if (options.ndjson) pub.content_type = "application/x-ndjson";
  if (!options.content_type.empty()) pub.content_type = options.content_type;
  return client::publish(pub, std::cin, std::cout, std::cerr);
}

int run_certs(const CertsOptions& options) {
  certs::CertsOptions certs;
  if (!options.directory.empty()) certs.directory = options.directory;
  certs.names = options.names;
  certs.trust = options.trust;
  return certs::run_certs_command(certs, std::cout);
}

}  // namespace sluice
