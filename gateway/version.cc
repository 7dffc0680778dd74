#include "gateway/version.h"

#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nghttp2/nghttp2.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <toml++/impl/version.h>
#include <CLI/Version.hpp>
#include <boost/version.hpp>

#include "gateway/config/schemes.h"

namespace sluice {
namespace {

#ifdef SLUICE_WITH_PROMETHEUS
constexpr std::string_view features = "prometheus";
#else
constexpr std::string_view features = "none";
#endif

}  // namespace

std::string version_text() {
  return fmt::format(
      "sluice {}\nlibraries: nghttp2 {}, OpenSSL {}, Boost {}.{}.{}, fmt {}.{}.{}, toml++ {}.{}.{}, spdlog {}.{}.{}, "
      "CLI11 {}\nfeatures: {}\nsources: {}\n",
      SLUICE_VERSION, nghttp2_version(0)->version_str, OpenSSL_version(OPENSSL_VERSION_STRING), BOOST_VERSION / 100000,
      BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100, FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100,
      TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH, SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH,
      CLI11_VERSION, features, fmt::join(config::built_in_schemes(), ", "));
}

}  // namespace sluice
