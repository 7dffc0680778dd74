// Text ⇄ ListenAddress: "127.0.0.1:8443", ":8443" (every address), "[::1]:0" (the kernel chooses the port). Pure.
#pragma once

#include <string>
#include <string_view>

#include "gateway/config/config.h"

namespace sluice::config {

// On a mistake `problem` says it with its remedy ("port must be 0 to 65535") and the address is of no use.
[[nodiscard]] ListenAddress parse_listen_address(std::string_view text, std::string& problem);
[[nodiscard]] std::string listen_address_text(const ListenAddress& address);

}  // namespace sluice::config
