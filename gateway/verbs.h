// The verbs of the command line that have rooms of their own, and their options as the command line parsed them. main
// calls each at most once; the return value is the exit code; what ends a verb early is thrown and printed by main.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/config/config.h"

namespace sluice {

// How tail and pub reach a gateway. `url` is as typed: "https://host/path", "/demo/clock" or a topic of localhost:8443.
struct ReachOptions {
  std::string url;
  std::optional<std::filesystem::path> cacert;  // none: the development CA for this machine, else the system's store
  bool insecure = false;
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case name, value
};

struct TailOptions {
  ReachOptions reach;
  std::optional<std::string> last_event_id;
  bool earliest = false;    // begin with the oldest event kept
  std::uint64_t count = 0;  // end after so many events; 0: never
  bool json = false;        // one JSON object per event instead of text
  bool reconnect = true;
};

struct PubOptions {
  ReachOptions reach;
  std::optional<std::string> data;  // none: standard input
  std::string event, id, key;       // empty: none
  std::string secret;               // --secret or $SLUICE_SECRET; empty: none
  bool ndjson = false;              // each line of the input is one event's envelope
  std::string content_type;         // empty: text/plain, or application/x-ndjson with --ndjson
};

struct CertsOptions {
  bool trust = false;
  std::filesystem::path directory;  // empty: certs::default_certificate_directory()
  std::vector<std::string> names;   // beside localhost, 127.0.0.1 and ::1
};

int run_gateway(const config::Config& config);
int tail(const TailOptions& options);
int publish(const PubOptions& options);
int run_certs(const CertsOptions& options);

}  // namespace sluice
