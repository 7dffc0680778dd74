// Whom a client of ours trusts: an option, an environment variable, the development CA, or the system. Called once at
// the start of a command, before any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "proto/tls.h"

namespace sluice::client {

struct Trust {
  std::optional<std::filesystem::path> cacert;  // --cacert
  bool insecure = false;                        // --insecure: any certificate, for experiments
  std::filesystem::path development_ca;         // where `sluice run` puts its own; need not exist
};

// --cacert, else $SLUICE_CACERT, else the development CA when there is one and `host` is this machine, else the
// system's store. Throws std::runtime_error when the file that was asked for cannot be used. `alpn` as in
// proto::TlsContext::ClientOptions.
[[nodiscard]] proto::TlsContext make_client_tls(const Trust& trust, const std::string& host,
                                                std::string alpn = "h2,http/1.1");

}  // namespace sluice::client
