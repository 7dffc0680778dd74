#include "gateway/config/keys.h"

#include <chrono>
#include <type_traits>
#include <utility>

#include "gateway/config/kinds.h"

namespace sluice::config {

bool takes(std::string_view schemes, std::string_view scheme) {
  if (schemes.empty()) return true;
  for (std::size_t at = schemes.find(scheme); at != std::string_view::npos; at = schemes.find(scheme, at + 1)) {
    const std::size_t end = at + scheme.size();
    if ((at == 0 || schemes[at - 1] == ' ') && (end == schemes.size() || schemes[end] == ' ')) return true;
  }
  return false;
}

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;

// The place of a value inside its owner: at(&Config::retry, &RetryRange::min).
template <class... Members>
auto at(Members... members) {
  return [=](auto& owner) -> auto& { return (owner.*....*members); };
}

template <class Owner, class Place, class Kind>
Key<Owner> key(std::string_view name, Place place, Kind kind, std::string_view reason) {
  return {name, reason, kind.describe(),
          [place, kind](Owner& owner, const Node& node) {
            auto& value = place(owner);
            value = static_cast<std::remove_reference_t<decltype(value)>>(kind.read(node));
          },
          [place, kind](const Owner& owner) { return kind.show(place(owner)); }};
}

template <class Member, class Kind>
Key<Config> top(std::string_view name, Member member, Kind kind, std::string_view reason) {
  return key<Config>(name, at(member), kind, reason);
}
template <class Member, class Kind>
Key<Config> limit(std::string_view name, Member member, Kind kind, std::string_view reason) {
  return key<Config>(name, at(&Config::limits, member), kind, reason);
}
template <class Member, class Kind>
Key<Config> http2_limit(std::string_view name, Member member, Kind kind, std::string_view reason) {
  return key<Config>(name, at(&Config::limits, &Limits::http2, member), kind, reason);
}
template <class Member, class Kind>
Key<Source> history(std::string_view name, Member member, Kind kind, std::string_view reason) {
  return key<Source>(name, at(&Source::history, member), kind, reason);
}

// A key that only sources of these schemes take.
Key<Source> only(std::string_view schemes, Key<Source> key) {
  key.schemes = schemes;
  key.show = [show = std::move(key.show), schemes](const Source& source) {
    return source.url.empty() || takes(schemes, source.scheme()) ? show(source) : std::string();
  };
  return key;
}

template <class Member>
Key<Source> map(std::string_view name, Member member, std::string_view reason) {
  return key<Source>(name, at(&Source::map, member), Text{"a field's name, or a JSON pointer"}, reason);
}
template <class Member>
Key<Source> source_tls(std::string_view name, Member member, std::string_view reason) {
  return key<Source>(name, at(&Source::tls, member), File{}, reason);
}

constexpr std::string_view template_schemes = "redis rediss nats tls https http";
constexpr std::string_view engine_schemes = "redis rediss nats tls kafka postgres postgresql";
constexpr std::string_view mapped_schemes = "redis rediss nats tls kafka postgres postgresql mqtt mqtts exec file";
constexpr std::string_view topic_schemes = "nats tls kafka postgres postgresql mqtt mqtts exec file";
constexpr std::string_view certificate_schemes = "tls kafka postgres postgresql mqtts";
constexpr std::string_view snapshot_schemes =
    "redis rediss nats tls kafka postgres postgresql mqtt mqtts exec file publish demo";
constexpr std::string_view tls_schemes = "rediss tls kafka postgres postgresql mqtts https";

using LogFormat = Config::LogFormat;
using Store = History::Store;
using Sync = History::Sync;
using Format = Source::Format;
using Http2 = proto::Http2Limits;

const Duration timeout{100ms, 10min};
const Number budget{1, 1'000'000};

}  // namespace

const std::vector<Key<Config>>& config_keys() {
  static const std::vector<Key<Config>> keys = {
      top("listen", &Config::listen, Address{},
          "where subscribers connect, TLS only; loopback until you say otherwise"),
      top("workers", &Config::workers, Workers{256},
          "event loops; auto: one per core of the affinity and the cgroup quota"),
      key<Config>("tls.cert", at(&Config::tls, &TlsFiles::cert), File{},
                  "certificate, PEM, leaf first; without it a development certificate is made"),
      key<Config>("tls.key", at(&Config::tls, &TlsFiles::key), File{}, "private key of tls.cert, PEM"),
      top("cors.origins", &Config::cors_origins, TextList{"\"https://app.example.com\""},
          "pages of other origins that may read and publish; exact, no wildcard: a wildcard excludes cookies"),
      top("cors.credentials", &Config::cors_credentials, Flag{},
          "whether those pages may send cookies and authorization headers"),
      top("access.publish_secret", &Config::publish_secret, Text{"a bearer token"},
          "who publishes must show it; without it publishing is refused, except on loopback with no file"),
      top("access.publish_secret_file", &Config::publish_secret_file, File{},
          "the same, read from a file: it then stands in no process list and no repository"),
      key<Config>(
          "retry.min", at(&Config::retry, &RetryRange::min), Duration{1s, 1h},
          "shortest reconnection time given; browsers obey shorter ones at once (Chromium: 3 ms after `retry: 0`)"),
      key<Config>(
          "retry.max", at(&Config::retry, &RetryRange::max), Duration{1s, 1h},
          "longest reconnection time given; each subscriber's is drawn in between, so that none return together"),
      key<Config>("retry.steps", at(&Config::retry, &RetryRange::steps), RetrySteps{},
                  "above a load, in percent of the worst resource, nobody is asked to come back sooner than this"),
      top("heartbeat", &Config::heartbeat, Duration{100ms, 1h},
          "comment on a silent stream, none where data flowed; proxies cut silent streams at 30 to 60 s"),
      key<Config>(
          "admin.listen", [](auto& config) -> auto& { return config.admin; }, AddressOrOff{},
          "the dashboard (/), /metrics, /healthz, /readyz, /status; apart from the subscribers' port, "
          "so that it is not public by accident"),
      top("drain.delay", &Config::drain_delay, Duration{0s, 10min},
          "after TERM: /readyz says 503 but all is served; 5s behind a balancer that polls it"),
      top("drain.duration", &Config::drain_duration, Duration{0s, 1h},
          "then the ends of the connections are spread over this time"),
      top("log.format", &Config::log_format,
          Choice<LogFormat>{{{"auto", LogFormat::automatic}, {"text", LogFormat::text}, {"json", LogFormat::json}}},
          "auto: text on a terminal, JSON lines elsewhere"),
      top("log.level", &Config::log_level,
          Choice<std::string>{
              {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"}}},
          "the least level that is written"),
      top("log.access", &Config::access_log, Flag{}, "one line when a stream ends, with its reason"),

      limit("limits.connections", &Limits::connections, Count{1, 10'000'000},
            "open connections, or as many as there are descriptors for"),
      limit("limits.streams", &Limits::streams, Count{1, 100'000'000}, "open event streams of all connections"),
      limit(
          "limits.accept_rate", &Limits::accept_rate, Count{0, 10'000'000},
          "streams that may open in a second, above it they are given a time to come back; 0: as many as it can take"),
      limit("limits.memory", &Limits::memory, Size{0, 1024 * GiB},
            "resident memory; at 90 % of it no stream opens, at 95 % who holds most for a peer that does not read is "
            "ended; 0: three quarters of the machine's, or of its cgroup's"),
      limit("limits.handshakes", &Limits::handshakes, Count{1, 1'000'000},
            "TLS handshakes in progress; a full one costs 150 to 190 µs of a core"),
      limit("limits.handshakes_per_turn", &Limits::handshakes_per_turn, Count{1, 10'000},
            "handshake steps in one turn of a loop, or 2 ms of them; a reconnect storm must not stop the events"),
      limit("limits.event_size", &Limits::event_size, Size{1 * KiB, 64 * MiB},
            "data of one published event; larger: 413"),
      limit("limits.body_size", &Limits::body_size, Size{1 * KiB, 1 * GiB}, "body of one publish request; larger: 413"),
      limit("limits.bodies", &Limits::bodies, Size{1 * KiB, 64 * GiB},
            "bodies of all publish requests in progress, of every connection together; over it: 503"),
      limit("limits.events_per_body", &Limits::events_per_body, Count{1, 10'000'000},
            "events of one publish request; 8 MiB of the smallest would become 100 MB in memory; more: 413"),
      limit("limits.lines_per_event", &Limits::lines_per_event, Count{1, 1'000'000},
            "lines of one event's data; each costs a `data: ` on the wire"),
      limit("limits.event_name", &Limits::event_name, Size{1, 4 * KiB}, "bytes of an event's name"),
      limit("limits.event_id", &Limits::event_id, Size{1, 4 * KiB}, "bytes of a publisher's id"),
      limit("limits.event_key", &Limits::event_key, Size{1, 4 * KiB}, "bytes of an event's key"),
      limit("limits.topic_name", &Limits::topic_name, Size{1, 4 * KiB},
            "bytes of a topic's name after percent-decoding"),
      limit("limits.topics", &Limits::topics, Count{1, 10'000'000},
            "topics with state, or being opened; bounds what invented names cost"),
      limit("limits.topics_per_stream", &Limits::topics_per_stream, Count{1, 1024}, "?topic= in one subscription"),
      limit("limits.last_event_id", &Limits::last_event_id, Size{64, 16 * KiB},
            "bytes of a Last-Event-ID; over several topics it has a part for each"),
      limit("limits.conflate_lag", &Limits::conflate_lag, Count{1, 1'000'000},
            "events that a stream of a route with `slow = \"conflate\"` may be behind before it gets values instead"),
      limit("limits.tls_handshake_timeout", &Limits::tls_handshake_timeout, timeout, "from accept to the end of TLS"),
      limit("limits.body_idle_timeout", &Limits::body_idle_timeout, timeout, "between two pieces of a request body"),
      limit("limits.body_timeout", &Limits::body_timeout, Duration{100ms, 1h},
            "a request body in all: a deadline from its start, which slow drips cannot move"),
      limit("limits.idle_timeout", &Limits::idle_timeout, Duration{100ms, 24h}, "a connection without streams"),
      limit("limits.connection_age", &Limits::connection_age, Duration{0s, 30 * 24h},
            "then a connection is drained, give or take a tenth, so that nodes stay balanced; 0s: never"),
      limit("limits.ping_interval", &Limits::ping_interval, Duration{100ms, 1h},
            "an HTTP/2 PING when nothing came for this long"),
      limit("limits.ping_timeout", &Limits::ping_timeout, timeout, "no answer to it: the peer is gone"),
      limit("limits.stall_timeout", &Limits::stall_timeout, timeout,
            "backlog, and no byte accepted; also TCP_USER_TIMEOUT. A slow reader that moves is never ended by it"),
      limit("limits.stream_quantum", &Limits::stream_quantum, Size{1 * KiB, 16 * MiB},
            "bytes that a stream sends before the next stream's turn"),
      limit("limits.mailbox", &Limits::mailbox, Size{1 * MiB, 1 * GiB},
            "bytes waiting for another worker; full: sources pause and publishing gets 503"),

      http2_limit("limits.streams_per_connection", &Http2::streams, Count{1, 100'000},
                  "SETTINGS_MAX_CONCURRENT_STREAMS; Chromium opens 256, and at 100 a page's other requests hang"),
      http2_limit("limits.header_bytes", &Http2::header_bytes, Size{1 * KiB, 1 * MiB},
                  "decoded names and values of one header block, every field counted"),
      http2_limit("limits.header_fields", &Http2::header_fields, Count{8, 10'000}, "fields of one header block"),
      http2_limit("limits.header_field_bytes", &Http2::header_field_bytes, Size{256, 1 * MiB}, "one field"),
      http2_limit("limits.path_bytes", &Http2::path_bytes, Size{64, 64 * KiB}, ":path with its query"),
      http2_limit("limits.receive_window", &Http2::receive_window, Size{16 * KiB, 256 * MiB},
                  "bytes of a request body in flight per stream; a connection has four times that"),
      http2_limit("limits.resets_burst", &Http2::resets_burst, budget,
                  "resets of streams younger than 1 s, by the peer or provoked by it (rapid reset, MadeYouReset)"),
      http2_limit("limits.resets_rate", &Http2::resets_rate, budget, "and per second afterwards; over it: GOAWAY"),
      http2_limit("limits.glitches_burst", &Http2::glitches_burst, budget,
                  "breaches of good manners; every anomaly of a connection feeds this one bucket"),
      http2_limit("limits.glitches_rate", &Http2::glitches_rate, budget, "and per second afterwards; over it: GOAWAY"),
      http2_limit("limits.empty_data", &Http2::empty_data, Count{1, 1'000'000},
                  "empty DATA frames that end nothing, per connection and minute"),
      http2_limit("limits.priorities_per_stream", &Http2::priorities_per_stream, Count{1, 1'000'000},
                  "priority frames for one stream"),
      http2_limit("limits.unknown_frames_per_minute", &Http2::unknown_frames_per_minute, budget,
                  "frames without a use: of unknown types, RST_STREAM for closed streams, GOAWAY again"),
      http2_limit("limits.window_updates_per_minute", &Http2::window_updates_per_minute, budget,
                  "WINDOW_UPDATE frames beside those for what was sent"),
      http2_limit("limits.window_updates_per_data_frame", &Http2::window_updates_per_data_frame, Count{1, 100'000},
                  "WINDOW_UPDATE frames for each DATA frame sent; clients send 0 to 8"),
      http2_limit("limits.pings_burst", &Http2::pings_burst, budget, "PING frames of the peer; each must be answered"),
      http2_limit("limits.pings_per_minute", &Http2::pings_per_minute, budget, "and per minute afterwards"),
      http2_limit("limits.control_bytes", &Http2::control_bytes, Size{4 * KiB, 16 * MiB},
                  "unsent answers that the peer made us queue; over it the connection is closed"),
      http2_limit("limits.preface_timeout", &Http2::preface_timeout, timeout, "HTTP/2 preface and SETTINGS after TLS"),
      http2_limit("limits.settings_ack_timeout", &Http2::settings_ack_timeout, timeout,
                  "acknowledgement of our SETTINGS"),
      http2_limit("limits.header_timeout", &Http2::header_timeout, timeout,
                  "a header block, from its first frame: nginx, Caddy and Node wait for ever on slow header bytes"),
  };
  return keys;
}

const std::vector<Key<Source>>& source_keys() {
  static const std::vector<Key<Source>> keys = {
      key<Source>("url", at(&Source::url), Text{"a URL"}, "its scheme chooses the adapter"),
      history("history.age", &History::age, Duration{1s, 8760h}, "how long a topic keeps an event for who resumes"),
      history("history.entries", &History::entries, Count{1, 100'000'000}, "events kept per topic"),
      history("history.bytes", &History::bytes, Size{4 * KiB, 64 * GiB}, "bytes kept per topic"),
      history("history.bytes_total", &History::bytes_total, Size{4 * KiB, 1024 * GiB}, "bytes kept of all its topics"),
      history("history.keys", &History::keys, Count{1, 10'000'000},
              "newest events kept per topic, by key, for `snapshot` and `slow = \"conflate\"`"),
      only("publish",
           history("history.store", &History::store, Choice<Store>{{{"memory", Store::memory}, {"disk", Store::disk}}},
                   "disk: acknowledged events and ids survive a restart (docs/durability.md)")),
      only("publish", history("history.path", &History::path, File{}, "the database of `store = \"disk\"`")),
      only("publish",
           history("history.sync", &History::sync, Choice<Sync>{{{"full", Sync::full}, {"process", Sync::process}}},
                   "full: an acknowledged event is on the disk; process: it survives kill -9, not a power cut")),
      only(template_schemes,
           key<Source>("linger", at(&Source::linger), Duration{100ms, 24h},
                       "a topic opened on first use closes when unused for this long; ids stay valid")),
      only("redis rediss nats tls",
           key<Source>("stream", at(&Source::stream), Text{"a stream's name"},
                       "Redis stream, `orders` or by captures `orders:{region}`; JetStream stream")),
      only(
          "redis rediss postgres postgresql",
          key<Source>("channel", at(&Source::channel), Text{"a channel's name"},
                      "pub/sub channel, `news` or by captures `news:{topic}`; LISTEN channel: nothing to resume from")),
      only("nats tls", key<Source>("subject", at(&Source::subject), Text{"a subject"},
                                   "core NATS, or a filter of the JetStream stream; tokens below become topics")),
      only("kafka mqtt mqtts", key<Source>("topic", at(&Source::topic), Text{"a topic"},
                                           "Kafka topic; MQTT topic filter (`sensors/#`), levels become topics")),
      only("postgres postgresql", key<Source>("table", at(&Source::table), Text{"a table's name"},
                                              "outbox table with columns `id`, `xid`, `topic`, `data`; resumes")),
      only("exec", key<Source>("command", at(&Source::command), TextList{"\"tail\", \"-f\", \"x\""},
                               "program and arguments, without a shell; its standard output is read")),
      only("exec file", key<Source>("format", at(&Source::format),
                                    Choice<Format>{{{"auto", Format::automatic},
                                                    {"sse", Format::sse},
                                                    {"ndjson", Format::ndjson},
                                                    {"lines", Format::lines}}},
                                    "how it is read; auto: NDJSON where a line begins with `{`, else SSE or lines")),
      only(engine_schemes, key<Source>("publish", at(&Source::publish), Flag{},
                                       "POST writes into the engine and answers after its acknowledgement")),
      only(snapshot_schemes, key<Source>("snapshot", at(&Source::snapshot), Flag{},
                                         "a new subscriber first gets the newest event of each key")),
      only(topic_schemes, map("map.topic", &Mapping::topic, "what becomes the topic below the source's name")),
      only(mapped_schemes, map("map.event", &Mapping::event, "what becomes the event's name")),
      only(mapped_schemes, map("map.data", &Mapping::data, "what becomes the event's data")),
      only(mapped_schemes, map("map.key", &Mapping::key, "what becomes the event's key")),
      only(tls_schemes,
           source_tls("tls.ca", &SourceTls::ca, "whom to trust, PEM; without it the system's authorities")),
      only(certificate_schemes,
           source_tls("tls.cert", &SourceTls::cert, "our own certificate, where the engine asks for one")),
      only(certificate_schemes, source_tls("tls.key", &SourceTls::key, "its private key, PEM")),
      only("https http", key<Source>("token", at(&Source::token), Text{"a bearer token"},
                                     "shown to the backend in `authorization`; never to another server")),
      only("https http", key<Source>("silence", at(&Source::silence), Duration{1s, 24h},
                                     "a backend that sends nothing for so long, not even a comment, is asked anew")),
      only("demo", key<Source>("rate", at(&Source::rate), Number{0.01, 100'000},
                               "`demo:` only: events per second of each topic")),
  };
  return keys;
}

const std::vector<Key<Route>>& route_keys() {
  static const std::vector<Key<Route>> keys = {
      key<Route>("path", at(&Route::path), Text{"a path pattern"},
                 "`/orders`, `/orders/{region}` (one segment), `/files/**` (the rest); the most specific route wins"),
      key<Route>("source", at(&Route::source), Text{"a source's name"}, "one source; the captures make the topic"),
      key<Route>("topics", at(&Route::topics), TextList{"\"audit\", \"fleet/**\""},
                 "topics of several sources, chosen by ?topic="),
      key<Route>("files", at(&Route::files), File{}, "a folder of static files; `embedded:` is the page in the binary"),
      key<Route>("start", at(&Route::start), Choice<Start>{{{"now", Start::now}, {"earliest", Start::earliest}}},
                 "where a client without an id begins"),
      key<Route>("end", at(&Route::end), Choice<End>{{{"clean", End::clean}, {"reset", End::reset}}},
                 "how we end a stream; fetch-event-source takes a clean end as finished, WebKit never notices a reset"),
      key<Route>(
          "open", at(&Route::open), Choice<Open>{{{"event", Open::event}, {"id", Open::id}}},
          "first block: the event sluice.open, or only `retry:` and `id:`, which some parsers drop without data"),
      key<Route>(
          "slow", at(&Route::slow),
          Choice<Slow>{{{"gap", Slow::gap}, {"disconnect", Slow::disconnect}, {"conflate", Slow::conflate}}},
          "a reader behind its topic: told what it lost; ended, to resume; or given the newest event of each key"),
      key<Route>("flush_interval", at(&Route::flush_interval), Duration{0s, 10s},
                 "a hot topic's events go out together, not more often than this; the first after silence at once"),
  };
  return keys;
}

}  // namespace sluice::config
