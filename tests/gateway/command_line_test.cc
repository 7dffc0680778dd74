#include "gateway/command_line.h"

#include <doctest/doctest.h>

using namespace sluice;
using certs::CertsOptions;
using client::PubOptions;
using client::TailOptions;

namespace {

template <class Verb>
Verb parse(std::vector<std::string> arguments) {
  const auto parsed = parse_command_line(std::move(arguments));
  if (const auto* usage = std::get_if<UsageText>(&parsed)) FAIL(usage->text);
  REQUIRE(std::holds_alternative<Verb>(std::get<Command>(parsed)));
  return std::get<Verb>(std::get<Command>(parsed));
}

UsageText usage_of(std::vector<std::string> arguments) {
  const auto parsed = parse_command_line(std::move(arguments));
  REQUIRE(std::holds_alternative<UsageText>(parsed));
  return std::get<UsageText>(parsed);
}

using Flags = std::vector<std::pair<std::string, std::string>>;

}  // namespace

TEST_CASE("run takes a file, settings and flags") {
  const auto run = parse<RunCommand>({"run", "-c", "sluice.toml", "--listen", ":9443", "--admin=off", "--workers", "1",
                                      "--log-level", "debug", "--set", "limits.streams=5", "--set", "heartbeat=1s"});
  CHECK(run.overrides.file == "sluice.toml");
  CHECK(run.overrides.set == std::vector<std::string>{"limits.streams=5", "heartbeat=1s"});
  CHECK(run.overrides.flags ==
        Flags{{"listen", ":9443"}, {"admin.listen", "off"}, {"workers", "1"}, {"log.level", "debug"}});
}

TEST_CASE("run alone is the demonstration") {
  const auto run = parse<RunCommand>({"run"});
  CHECK(!run.overrides.file);
  CHECK(run.overrides.set.empty());
  CHECK(run.overrides.flags.empty());
}

TEST_CASE("check takes a file and settings") {
  const auto check = parse<CheckCommand>({"check", "--config", "a.toml", "--set", "cors.origins=[x]", "--print"});
  CHECK(check.overrides.file == "a.toml");
  CHECK(check.overrides.set == std::vector<std::string>{"cors.origins=[x]"});
  CHECK(check.print);
}

TEST_CASE("tail takes what it follows and how") {
  const auto tail =
      parse<TailOptions>({"tail", "/demo/clock", "--cacert", "ca.pem", "--last-event-id", "k3.7", "--count", "3",
                          "--json", "-H", "Authorization: Bearer x:y", "--header", "x-a:", "--no-reconnect"});
  CHECK(tail.url == "/demo/clock");
  CHECK(tail.trust.cacert == "ca.pem");
  CHECK(!tail.trust.insecure);
  CHECK(tail.headers == std::vector<proto::Field>{{"authorization", "Bearer x:y"}, {"x-a", ""}});
  CHECK(tail.last_event_id == "k3.7");
  CHECK(!tail.earliest);
  CHECK(tail.count == 3);
  CHECK(tail.json);
  CHECK(!tail.reconnect);
}

TEST_CASE("tail comes back and never ends unless told otherwise") {
  const auto tail = parse<TailOptions>({"tail", "https://events.example.com/orders", "--insecure", "--earliest"});
  CHECK(tail.trust.insecure);
  CHECK(tail.earliest);
  CHECK(tail.reconnect);
  CHECK(tail.count == 0);
  CHECK(tail.last_event_id.empty());
}

TEST_CASE("pub takes its data as an argument or from standard input") {
  const auto pub = parse<PubOptions>({"pub", "greetings", "hello", "--event", "note", "--id", "n1", "--key", "k",
                                      "--secret", "s3", "--content-type", "application/json"});
  CHECK(pub.url == "greetings");
  CHECK(pub.data == "hello");
  CHECK(pub.event == "note");
  CHECK(pub.id == "n1");
  CHECK(pub.key == "k");
  CHECK(pub.secret == "s3");
  CHECK(pub.content_type == "application/json");
  CHECK(!parse<PubOptions>({"pub", "greetings"}).data);
  CHECK(!parse<PubOptions>({"pub", "greetings", "-"}).data);
  CHECK(parse<PubOptions>({"pub", "greetings", ""}).data == "");
  CHECK(parse<PubOptions>({"pub", "greetings", R"({"a":[1,2]})"}).data == R"({"a":[1,2]})");
  CHECK(parse<PubOptions>({"pub", "greetings", "--", "-5"}).data == "-5");
  CHECK(parse<PubOptions>({"pub", "greetings"}).content_type == "text/plain");
  CHECK(parse<PubOptions>({"pub", "greetings", "--ndjson"}).content_type == "application/x-ndjson");
}

TEST_CASE("certs takes a folder and names") {
  const auto certs =
      parse<CertsOptions>({"certs", "--trust", "--dir", "/tmp/c", "--name", "a.test", "--name", "b.test"});
  CHECK(certs.trust);
  CHECK(certs.directory == "/tmp/c");
  CHECK(certs.names == std::vector<std::string>{"a.test", "b.test"});
  CHECK(!certs.renew);
  CHECK(parse<CertsOptions>({"certs", "--force"}).renew);
  CHECK(!parse<CertsOptions>({"certs"}).trust);
}

TEST_CASE("version is a verb and a flag") {
  static_cast<void>(parse<VersionCommand>({"version"}));
  const UsageText text = usage_of({"--version"});
  CHECK(text.exit_code == 0);
  CHECK(text.text.starts_with("sluice "));
  CHECK(text.text.find("sources: demo, publish") != std::string::npos);
}

TEST_CASE("help is not an error") {
  CHECK(usage_of({"--help"}).exit_code == 0);
  CHECK(usage_of({"--help"}).text.find("Examples:") != std::string::npos);
  CHECK(usage_of({"--help"}).text.find("reference") == std::string::npos);
  CHECK(usage_of({"tail", "--help"}).exit_code == 0);
}

TEST_CASE("a wrong call says what is wrong and exits 2") {
  const std::vector<std::string> calls[] = {
      {},
      {"serve"},
      {"run", "extra"},
      {"run", "--bogus"},
      {"tail"},
      {"tail", "x", "--count", "0"},
      {"tail", "x", "--count", "-1"},
      {"tail", "x", "--count", "99999999999999999999"},
      {"tail", "x", "-H", "no colon"},
      {"tail", "x", "-H", ": no name"},
      {"tail", "x", "--insecure", "--cacert", "a"},
      {"tail", "x", "--earliest", "--last-event-id", "1"},
      {"pub"},
      {"pub", "a", "b", "c"},
      {"pub", "a", "--ndjson", "--id", "1"},
      {"run", "check"},
  };
  for (const auto& call : calls) {
    CAPTURE(call.empty() ? "" : call.back());
    const UsageText text = usage_of(call);
    CHECK(text.exit_code == 2);
    CHECK(!text.text.empty());
  }
  CHECK(usage_of({"tail", "x", "--count", "0"}).text.starts_with("sluice: --count: 0 is no count from 1"));
  CHECK(usage_of({"check", "sluice.toml"}).text ==
        "sluice: The following argument was not expected: sluice.toml: name a file with -c\n");
}

TEST_CASE("bench takes a URL, a crowd, a load and what to do with the results") {
  const auto bench = parse<bench::Command>({"bench",
                                            "https://h/topics/t{i}",
                                            "-c",
                                            "1k",
                                            "-s",
                                            "100",
                                            "--topics",
                                            "10",
                                            "--rate",
                                            "2.5k",
                                            "--payload",
                                            "1KiB",
                                            "--duration",
                                            "30s",
                                            "--warmup",
                                            "500ms",
                                            "-H",
                                            "X-A: b",
                                            "--source-address",
                                            "127.0.0.2",
                                            "--source-address",
                                            "127.0.0.3",
                                            "--threads",
                                            "2",
                                            "--scenario",
                                            "storm",
                                            "--settle",
                                            "2m",
                                            "--expect",
                                            "p99<50ms",
                                            "--expect",
                                            "lost=0",
                                            "--json",
                                            "-",
                                            "--report",
                                            "run.html",
                                            "--compare",
                                            "old.json",
                                            "-q"});
  CHECK(bench.plan.scenario == bench::Scenario::storm);
  CHECK(bench.plan.crowd.connections == 1'000);
  CHECK(bench.plan.crowd.streams == 100);
  CHECK(bench.plan.crowd.topics == 10);
  CHECK(bench.plan.crowd.threads == 2);
  CHECK(bench.plan.crowd.source_addresses == std::vector<std::string>{"127.0.0.2", "127.0.0.3"});
  CHECK(bench.plan.crowd.fields == std::vector<proto::Field>{{"x-a", "b"}});
  CHECK(bench.plan.publishing.rate == 2'500);
  CHECK(bench.plan.publishing.payload_bytes == 1'024);
  CHECK(bench.plan.duration == std::chrono::seconds(30));
  CHECK(bench.plan.warmup == std::chrono::milliseconds(500));
  CHECK(bench.plan.storm.settle == std::chrono::minutes(2));
  CHECK(bench.expectations.size() == 2);
  CHECK(bench.json == "-");
  CHECK(bench.report == "run.html");
  CHECK(bench.compare == "old.json");
  CHECK(bench.quiet);
  CHECK(bench.typed.starts_with("sluice bench 'https://h/topics/t{i}' -c 1k"));
}

TEST_CASE("bench takes a ramp, slow readers, and what others publish") {
  const auto ramp = parse<bench::Command>({"bench", "--scenario", "ramp", "--ramp", "streams", "--ramp-from", "1k",
                                           "--ramp-to", "50k", "--ramp-factor", "2", "--ramp-step", "3s", "--ramp-p99",
                                           "20ms", "--ramp-delivered", "95%"});
  CHECK(ramp.plan.ramp.what == bench::RampPlan::What::streams);
  CHECK(ramp.plan.ramp.from == 1'000);
  CHECK(ramp.plan.ramp.to == 50'000);
  CHECK(ramp.plan.ramp.factor == 2);
  CHECK(ramp.plan.ramp.p99_max == std::chrono::milliseconds(20));
  CHECK(ramp.plan.ramp.delivered_share_min == doctest::Approx(0.95));
  const auto slow =
      parse<bench::Command>({"bench", "--scenario", "slow-reader", "--slow-share", "25%", "--slow-rate", "1KiB"});
  CHECK(slow.plan.slow.share == doctest::Approx(0.25));
  CHECK(slow.plan.slow.bytes_per_second == 1'024);
  const auto others =
      parse<bench::Command>({"bench", "--no-publish", "--expect-events", "1000", "--epoch", "5", "--announce-open"});
  CHECK(others.plan.publishing.kind == bench::Publishing::Kind::none);
  CHECK(others.plan.expected_events == 1'000);
  CHECK(others.plan.epoch.has_value());
  CHECK(others.plan.announce_open);
}

TEST_CASE("a wrong flag of bench is refused in words that say how to write it") {
  for (const auto& [arguments, words] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"bench", "--rate", "fast"}, "write it as 10k/s"},
           {{"bench", "--duration", "10"}, "10s"},
           {{"bench", "--scenario", "stedy"}, "none of drain, handshakes, idle"},
           {{"bench", "-c", "0"}, "a whole number from 1"},
           {{"bench", "--preset", "apache"}, "none of sluice, mercure, nchan, pushpin"},
           {{"bench", "-H", "no-colon"}, "'name: value'"},
           {{"bench", "--ratee", "5"}, "did you mean `--rate`?"},
           {{"bench", "--ramp-step", "5s"}, "--scenario ramp only"},
           {{"bench", "--expect", "p98<3"}, "did you mean `p90`?"}}) {
    const UsageText usage = usage_of(arguments);
    CHECK(usage.exit_code == 2);
    CHECK_MESSAGE(usage.text.find(words) != std::string::npos, usage.text);
  }
}

TEST_CASE("bench's help is in groups and ends with examples") {
  const UsageText usage = usage_of({"bench", "--help"});
  CHECK(usage.exit_code == 0);
  for (const char* words : {"Streams:", "Events:", "Run:", "Scenario ramp:", "Results:", "Examples:"})
    CHECK_MESSAGE(usage.text.find(words) != std::string::npos, words);
}
