#include "proto/http2_header_block.h"

#include <algorithm>

namespace sluice::proto {
namespace {

constexpr std::size_t excess_factor = 4;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view port = scheme == "http" ? ":80" : ":443";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

// Whether both name one entity (RFC 9113 §8.3.1): host names are case-insensitive, the default port may be left out.
bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) {
  a = without_default_port(a, scheme);
  b = without_default_port(b, scheme);
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

HeaderBlock::Verdict HeaderBlock::add(std::string_view name, std::string_view value) {
  const std::size_t size = name.size() + value.size();
  bytes_ += size;
  fields_ += 1;
  if (refusal_ == 0) {
    if (name == ":path" && value.size() > limits_.path_bytes)
      refusal_ = 414;
    else if (bytes_ > limits_.header_bytes || fields_ > limits_.header_fields || size > limits_.header_field_bytes)
      refusal_ = 431;
    else if (kind_ == Kind::request)
      keep(name, value);
    if (refusal_ != 0) request_ = {};
  }
  const bool excessive =
      bytes_ > excess_factor * limits_.header_bytes || fields_ > excess_factor * limits_.header_fields;
  return excessive ? Verdict::excessive : Verdict::ok;
}

void HeaderBlock::keep(std::string_view name, std::string_view value) {
  if (name == ":method") {
    request_.method = value;
  } else if (name == ":scheme") {
    request_.scheme = value;
  } else if (name == ":authority") {
    request_.authority = value;
  } else if (name == ":path") {
    const std::size_t mark = value.find('?');
    request_.path = value.substr(0, mark);
    if (mark != std::string_view::npos) request_.query = value.substr(mark + 1);
  } else if (name == "host") {
    host_ = value;
  } else if (name == "cookie") {
    // Crumbs are one field for whoever does not speak HTTP/2 (RFC 9113 §8.2.3).
    const auto crumb =
        std::find_if(request_.fields.begin(), request_.fields.end(), [](const Field& f) { return f.name == "cookie"; });
    if (crumb == request_.fields.end())
      request_.fields.push_back({"cookie", std::string(value)});
    else
      crumb->value.append("; ").append(value);
  } else if (!name.starts_with(':')) {
    request_.fields.push_back({std::string(name), std::string(value)});
  }
}

HeaderBlock::Outcome HeaderBlock::finish() {
  Outcome outcome;
  outcome.refusal = refusal_;
  if (refusal_ != 0) return outcome;
  // No tunnels (RFC 9110 §9.3.6). Extended CONNECT is not offered, so nghttp2 has reset it already.
  if (request_.method == "CONNECT") {
    outcome.refusal = 405;
    return outcome;
  }
  if (request_.authority.empty())
    request_.authority = host_;
  else if (!host_.empty() && !same_authority(request_.authority, host_, request_.scheme))
    outcome.malformed = true;
  // No user information in front of the host (RFC 9113 §8.3.1).
  if (request_.authority.find('@') != std::string::npos) outcome.malformed = true;
  if (!request_.path.starts_with('/') && request_.path != "*") outcome.malformed = true;
  outcome.request = std::move(request_);
  return outcome;
}

}  // namespace sluice::proto
