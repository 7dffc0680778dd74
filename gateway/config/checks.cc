#include "gateway/config/checks.h"

#include <algorithm>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "gateway/config/keys.h"
#include "gateway/config/nearest.h"
#include "gateway/config/route_path.h"
#include "gateway/config/schemes.h"
#include "gateway/config/units.h"

namespace sluice::config {
namespace {

constexpr std::size_t secret_file_size_max = 4096;

void check_tls(Draft& draft) {
  const TlsFiles& tls = draft.config.tls;
  if (tls.cert.empty() == tls.key.empty()) return;
  if (draft.unread.contains("tls.cert") || draft.unread.contains("tls.key")) return;
  const bool has_cert = !tls.cert.empty();
  draft.add_problem(draft.config.places.first_of({has_cert ? "tls.cert" : "tls.key"}),
                    fmt::format("`{}` without `{}`; both, or neither for a development certificate",
                                has_cert ? "tls.cert" : "tls.key", has_cert ? "tls.key" : "tls.cert"));
}

// An origin as a browser sends it (RFC 6454 §6.2): scheme, host, and the port unless it is the scheme's own.
bool valid_origin(std::string_view origin) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!origin.starts_with(scheme)) continue;
    const std::string_view rest = origin.substr(scheme.size());
    return !rest.empty() &&
           rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == std::string_view::npos;
  }
  return false;
}

void check_origins(Draft& draft) {
  for (const std::string& origin : draft.config.cors_origins)
    if (!valid_origin(origin))
      draft.add_problem(draft.config.places.first_of({"cors.origins"}),
                        fmt::format("`cors.origins` holds \"{}\"; write origins as browsers send them: "
                                    "\"https://app.example.com\", lower-case, without a path or a wildcard",
                                    origin));
}

void check_secret(Draft& draft) {
  Config& config = draft.config;
  if (!config.publish_secret_file.empty()) {
    const Place place = draft.config.places.first_of({"access.publish_secret_file"});
    const std::filesystem::path file = std::exchange(config.publish_secret_file, {});
    if (!config.publish_secret.empty())
      return draft.add_problem(place, "`access.publish_secret` and `access.publish_secret_file` exclude each other");
    std::error_code ignored;
    std::ifstream in;
    if (std::filesystem::is_regular_file(file, ignored)) in.open(file, std::ios::binary);
    if (!in.is_open())
      return draft.add_problem(
          place,
          fmt::format("`access.publish_secret_file`: cannot read {}; it must be a readable file", file.string()));
    std::string text(secret_file_size_max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    text.erase(std::min(text.find_last_not_of("\r\n") + 1, text.size()));
    if (text.empty())
      return draft.add_problem(place, fmt::format("`access.publish_secret_file`: {} is empty", file.string()));
    config.publish_secret = std::move(text);
  }
  // It travels in a header field: `authorization: Bearer <secret>` (RFC 6750 §2.1).
  const auto visible = [](char c) { return c > ' ' && c < 0x7f; };
  if (!std::all_of(config.publish_secret.begin(), config.publish_secret.end(), visible))
    draft.add_problem(draft.config.places.first_of({"access.publish_secret_file", "access.publish_secret"}),
                      "the publish secret must be visible ASCII without spaces: it travels in a header field");
}

void check_listeners(Draft& draft) {
  const ListenAddress& listen = draft.config.listen;
  const std::optional<ListenAddress>& admin = draft.config.admin;
  if (!admin || admin->port == 0 || admin->port != listen.port) return;
  if (admin->host == listen.host || admin->host.empty() || listen.host.empty())
    draft.add_problem(draft.config.places.first_of({"admin.listen", "listen"}),
                      fmt::format("`admin.listen` and `listen` both take port {}; give each its own", admin->port));
}

void check_ranges(Draft& draft) {
  const RetryRange& retry = draft.config.retry;
  if (retry.min > retry.max)
    draft.add_problem(draft.config.places.first_of({"retry.min", "retry.max"}),
                      fmt::format("`retry.min` ({}) is above `retry.max` ({}); it must not be",
                                  duration_text(retry.min), duration_text(retry.max)));
  for (const RetryStep& step : retry.steps)
    if (step.min > retry.max)
      draft.add_problem(draft.config.places.first_of({"retry.steps", "retry.max"}),
                        fmt::format("`retry.steps` asks for {} above {} %, `retry.max` ({}) does not allow it",
                                    duration_text(step.min), step.load_percent, duration_text(retry.max)));
  const Limits& limits = draft.config.limits;
  if (limits.body_size > limits.bodies)
    draft.add_problem(draft.config.places.first_of({"limits.body_size", "limits.bodies"}),
                      fmt::format("`limits.body_size` ({}) is above `limits.bodies` ({}); no such body could pass",
                                  size_text(limits.body_size), size_text(limits.bodies)));
  const auto fits = [&](std::string_view name, std::size_t larger) {
    if (limits.event_size > larger)
      draft.add_problem(draft.config.places.first_of({"limits.event_size", name}),
                        fmt::format("`limits.event_size` ({}) is above `{}` ({}); no such event could pass",
                                    size_text(limits.event_size), name, size_text(larger)));
  };
  fits("limits.body_size", limits.body_size);
  fits("limits.mailbox", limits.mailbox);
}

std::string schemes_text() {
  const auto& names = built_in_schemes();
  std::string text;
  for (std::size_t index = 0; index != names.size(); ++index)
    text += fmt::format("{}`{}:`", index == 0 ? "" : index + 1 == names.size() ? " and " : ", ", names[index]);
  return text;
}

// Words of a list parted by blanks, as `a`, `b` or `c`.
std::string alternatives(std::string_view words, std::string_view after = "") {
  std::string text = "`";
  for (const char letter : words) letter == ' ' ? text.append(after).append("` or `") : text.append(1, letter);
  return text.append(after) + "`";
}

void check_url(Draft& draft, const Source& source, const std::string& prefix) {
  if (draft.unread.contains(prefix + ".url")) return;
  const Place place = draft.config.places.first_of({prefix + ".url", prefix});
  if (source.url.empty())
    return draft.add_problem(place, fmt::format("`{}` has no `url`; this build has {}", prefix, schemes_text()));
  const std::string name(source.scheme());
  const Scheme* scheme = source.url.find(':') == std::string::npos ? nullptr : find_scheme(name);
  if (scheme == nullptr)
    return draft.add_problem(
        place, fmt::format("`{}.url`: no adapter for `{}:`; this build has {}", prefix, name, schemes_text()));
  if (!scheme->built_in)
    return draft.add_problem(
        place, fmt::format("`{}.url`: this build has no `{}:`; build it with {} (meson -D{}=enabled)", prefix, name,
                           scheme->library, scheme->library));
  if ((name == "demo" || name == "publish" || name == "exec") && name.size() + 1 != source.url.size())
    draft.add_problem(place, fmt::format("`{}.url`: `{}:` takes nothing after the colon", prefix, name));
  if (name == "file" && (!source.url.starts_with("file:/") || source.url.ends_with('/') ||
                         (source.url.starts_with("file://") && !source.url.starts_with("file:///"))))
    draft.add_problem(place,
                      fmt::format("`{}.url`: write the file's whole path: \"file:/var/log/app.ndjson\"", prefix));
  std::size_t found = 0;
  for (const Key<Source>& key : source_keys()) {
    const Place* set = draft.config.places.find(fmt::format("{}.{}", prefix, key.name));
    if (set == nullptr) continue;
    if (!takes(key.schemes, name))
      draft.add_problem(
          *set, fmt::format("`{}.{}` is a key of {} sources only", prefix, key.name, alternatives(key.schemes, ":")));
    else if (!scheme->needs.empty() && takes(scheme->needs, key.name))
      ++found;
  }
  if (!scheme->needs.empty() && found != 1)
    draft.add_problem(place, fmt::format("`{}` has {} of {}; a `{}:` source needs exactly one", prefix,
                                         found == 0 ? "none" : "several", alternatives(scheme->needs), name));
}

void check_disk(Draft& draft, const Source& source, const std::string& prefix) {
  const bool disk = source.history.store == History::Store::disk;
#ifndef SLUICE_WITH_SQLITE
  if (disk)
    draft.add_problem(
        draft.config.places.first_of({prefix + ".history.store"}),
        fmt::format("`{}.history.store`: this build keeps no history on disk; build it with sqlite (meson "
                    "-Dsqlite=enabled)",
                    prefix));
#endif
  const Place place = draft.config.places.first_of({prefix + ".history.store", prefix + ".history.path", prefix});
  if (disk == source.history.path.empty() && !draft.unread.contains(prefix + ".history.path"))
    draft.add_problem(place, disk ? fmt::format("`{}.history.store` is \"disk\" without `history.path`; name a file, "
                                                "such as \"/var/lib/sluice/{}.db\"",
                                                prefix, source.name)
                                  : fmt::format("`{}.history.path` without `history.store = \"disk\"`", prefix));
}

// A subject, or a filter of subjects: tokens parted by dots, `*` for any one, `>` for all from there on.
bool is_subject(std::string_view subject) {
  for (;;) {
    const std::string_view token = subject.substr(0, subject.find('.'));
    const bool last = token.size() == subject.size();
    if (token.empty() || token.find_first_of(" \t\r\n") != std::string_view::npos) return false;
    if (token.size() > 1 ? token.find_first_of("*>") != std::string_view::npos : token == ">" && !last) return false;
    if (last) return true;
    subject.remove_prefix(token.size() + 1);
  }
}

void check_nats(Draft& draft, const Source& source, const std::string& prefix) {
  if (source.scheme() != "nats" && source.scheme() != "tls") return;
  const auto problem = [&](std::string_view key, std::string_view text) {
    if (draft.unread.contains(fmt::format("{}.{}", prefix, key))) return;
    draft.add_problem(draft.config.places.first_of({fmt::format("{}.{}", prefix, key), prefix}),
                      fmt::format("`{}.{}` {}", prefix, key, text));
  };
  if (source.stream.empty() && source.subject.empty())
    problem("stream", "is missing: name a JetStream stream, or a `subject` of core NATS");
  if (!source.subject.empty() && !is_subject(source.subject))
    problem("subject", "is no subject: tokens parted by dots, `*` for any one, `>` at the end for the rest");
  if (source.stream.find_first_of(" .*>/\\\t\r\n") != std::string::npos)
    problem("stream", "holds a blank, `.`, `*`, `>` or `/`, which no stream's name may");
  if (!source.publish) return;
  if (source.stream.empty())
    problem("publish", "needs a `stream`: core NATS keeps nothing, so a published event has no position to answer");
  if (!source.map.topic.empty() || !source.map.data.empty())
    problem("publish", "does not go with `map.topic` or `map.data`: what is published must come back as it went in");
}

void check_source(Draft& draft, const Source& source) {
  const std::string prefix = "source." + source.name;
  check_url(draft, source, prefix);
  check_disk(draft, source, prefix);
  check_nats(draft, source, prefix);
  const History& history = source.history;
  if (history.bytes > history.bytes_total)
    draft.add_problem(draft.config.places.first_of({prefix + ".history.bytes", prefix + ".history.bytes_total"}),
                      fmt::format("`{}.history.bytes` ({}) is above `history.bytes_total` ({}); raise the total",
                                  prefix, size_text(history.bytes), size_text(history.bytes_total)));
}

void check_route_source(Draft& draft, const Place& place, std::string_view key, std::string_view source) {
  std::vector<std::string> names;
  for (const Source& known : draft.config.sources) names.push_back(known.name);
  if (std::find(names.begin(), names.end(), source) != names.end()) return;
  draft.add_problem(place, fmt::format("`{}`: there is no source `{}`{}", key, source, did_you_mean(source, names)));
}

void check_route(Draft& draft, std::size_t index) {
  const Route& route = draft.config.routes[index];
  const std::string prefix = fmt::format("route[{}]", index);
  const auto unread = [&](std::string_view key) { return draft.unread.contains(fmt::format("{}.{}", prefix, key)); };
  if (unread("path")) {
    // Said already.
  } else if (route.path.empty()) {
    draft.add_problem(draft.config.places.first_of({prefix}), "a route without `path`; write `path = \"/orders\"`");
  } else if (const std::string problem = route_path_problem(route.path); !problem.empty()) {
    draft.add_problem(draft.config.places.first_of({prefix + ".path"}),
                      fmt::format("`route.path` \"{}\" {}", route.path, problem));
  }

  const int kinds = (route.source.empty() ? 0 : 1) + (route.topics.empty() ? 0 : 1) + (route.files ? 1 : 0);
  if (kinds != 1 && !unread("source") && !unread("topics") && !unread("files"))
    draft.add_problem(draft.config.places.first_of({prefix + ".path", prefix}),
                      fmt::format("the route `{}` has {} of `source`, `topics`, `files`; it needs exactly one",
                                  route.path, kinds == 0 ? "none" : "several"));
  if (!route.source.empty())
    check_route_source(draft, draft.config.places.first_of({prefix + ".source"}), "route.source", route.source);
  if (route.files && route.files->empty())
    draft.add_problem(draft.config.places.first_of({prefix + ".files"}),
                      "`route.files` is empty; write a folder or \"embedded:\"");
  for (const std::string& topic : route.topics) {
    const Place place = draft.config.places.first_of({prefix + ".topics"});
    const std::string problem = topic_pattern_problem(topic);
    if (!problem.empty())
      draft.add_problem(place, fmt::format("`route.topics` \"{}\" {}", topic, problem));
    else
      check_route_source(draft, place, "route.topics", source_of_topic(topic));
  }
}

void check_equal_routes(Draft& draft) {
  std::map<std::string, std::size_t> shapes;
  const std::vector<Route>& routes = draft.config.routes;
  for (std::size_t index = 0; index < routes.size(); ++index) {
    if (routes[index].path.empty()) continue;
    const auto [first, inserted] = shapes.emplace(route_path_shape(routes[index].path), index);
    if (inserted) continue;
    draft.add_problem(
        draft.config.places.first_of({fmt::format("route[{}].path", index)}),
        fmt::format("`route.path` \"{}\" matches the same as \"{}\" at {}; two routes cannot share a path",
                    routes[index].path, routes[first->second].path,
                    draft.config.places.first_of({fmt::format("route[{}].path", first->second)}).text()));
  }
}

}  // namespace

void check_draft(Draft& draft) {
  check_tls(draft);
  check_origins(draft);
  check_secret(draft);
  check_listeners(draft);
  check_ranges(draft);
  for (const Source& source : draft.config.sources) check_source(draft, source);
  for (std::size_t index = 0; index < draft.config.routes.size(); ++index) check_route(draft, index);
  check_equal_routes(draft);
}

}  // namespace sluice::config
