#include "bench/command.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>

#include "bench/plan_names.h"
#include "bench/presets.h"

using namespace sluice;
using namespace sluice::bench;
using namespace std::chrono_literals;

namespace {

std::string refusal(const Draft& draft) {
  try {
    static_cast<void>(make_command(draft));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

Draft with(const std::function<void(Draft&)>& change) {
  Draft draft;
  change(draft);
  return draft;
}

}  // namespace

TEST_CASE("without a flag a hundred streams of the demonstration get a hundred events a second") {
  const Plan plan = make_command({}).plan;
  CHECK(url_of(plan.crowd.target) == "https://localhost:8443/topics/t{i}");
  CHECK(plan.crowd.connections == 10);
  CHECK(plan.crowd.streams == 10);
  CHECK(plan.publishing.kind == Publishing::Kind::http);
  CHECK(url_of(plan.publishing.target) == url_of(plan.crowd.target));
  CHECK(plan.publishing.rate == 100);
  CHECK(plan.publishing.body == "{data}");
  CHECK(plan.publishing.fields == std::vector<proto::Field>{{"content-type", "text/plain"}});
  CHECK(plan.duration == 10s);
  CHECK(plan.warmup == 1s);
}

TEST_CASE("HTTP/1.1 has one stream on a connection") {
  CHECK(make_command(with([](Draft& d) { d.http1 = true; })).plan.crowd.streams == 1);
  CHECK(make_command(with([](Draft& d) { d.url = "http://h/x"; })).plan.crowd.streams == 1);
  CHECK(refusal(with([](Draft& d) { d.url = "http://h/x", d.streams = 4, d.connections = 3; })) ==
        "HTTP/1.1 carries one stream on a connection: write --connections 12 instead of --streams");
  CHECK(make_command(with([](Draft& d) { d.url = "http://h/x", d.http2 = true, d.streams = 4; })).plan.crowd.streams ==
        4);
}

TEST_CASE("tokens and headers become fields of the requests that they are for") {
  const Plan plan = make_command(with([](Draft& d) {
                      d.token = "reader", d.headers = {"X-A:  b"}, d.publish_token = "writer";
                      d.publish_headers = {"Content-Type: application/json"};
                    })).plan;
  CHECK(plan.crowd.fields == std::vector<proto::Field>{{"authorization", "Bearer reader"}, {"x-a", "b"}});
  CHECK(plan.publishing.fields ==
        std::vector<proto::Field>{{"authorization", "Bearer writer"}, {"content-type", "application/json"}});
}

TEST_CASE("a preset says where and how another server is subscribed to and published to") {
  const Plan mercure =
      make_command(with([](Draft& d) { d.preset = "mercure", d.url = "https://hub.example.com"; })).plan;
  CHECK(mercure.crowd.target.path == "/.well-known/mercure");
  CHECK(mercure.crowd.target.query.find("match=https%3A%2F%2Fexample.com%2Ft{i}") != std::string::npos);
  CHECK(url_of(mercure.publishing.target) == "https://hub.example.com/.well-known/mercure");
  CHECK(mercure.publishing.body == "topic=https%3A%2F%2Fexample.com%2Ft{i}&data={data:url}");
  const Plan pushpin = make_command(with([](Draft& d) { d.preset = "pushpin", d.url = "https://h:7999"; })).plan;
  CHECK(url_of(pushpin.crowd.target) == "https://h:7999/t{i}");
  CHECK(url_of(pushpin.publishing.target) == "http://h:5561/publish/");
  const Plan nchan = make_command(with([](Draft& d) { d.preset = "nchan", d.url = "https://h"; })).plan;
  CHECK(url_of(nchan.crowd.target) == "https://h/sub?id=t{i}");
  CHECK(url_of(nchan.publishing.target) == "https://h/pub?id=t{i}");
}

TEST_CASE("what is typed outweighs the preset") {
  const Plan plan = make_command(with([](Draft& d) {
                      d.preset = "nchan", d.url = "https://h/sub/t{i}", d.publish_url = "https://h/pub/t{i}";
                      d.publish_method = "PUT", d.publish_body = "<{data}>";
                    })).plan;
  CHECK(url_of(plan.crowd.target) == "https://h/sub/t{i}");
  CHECK(url_of(plan.publishing.target) == "https://h/pub/t{i}");
  CHECK(plan.publishing.method == "PUT");
  CHECK(plan.publishing.body == "<{data}>");
}

TEST_CASE("every preset's body has a place for the data") {
  for (const Preset& preset : presets()) {
    CHECK(preset.body.find("{data") != std::string_view::npos);
    CHECK(find_preset(preset.name) == &preset);
  }
  CHECK(find_preset("nothing") == nullptr);
}

TEST_CASE("an idle run publishes nothing, or what comes before") {
  CHECK(make_command(with([](Draft& d) { d.scenario = "idle"; })).plan.publishing.kind == Publishing::Kind::none);
  const Plan plan = make_command(with([](Draft& d) { d.scenario = "idle", d.events_before_idle = 100; })).plan;
  CHECK(plan.publishing.kind == Publishing::Kind::http);
  CHECK(plan.publishing.one_at_a_time);
  CHECK(plan.events_before_idle == 100);
}

TEST_CASE("what contradicts itself is refused with the remedy") {
  CHECK(refusal(with([](Draft& d) { d.ramp_step = 3s; })) == "--ramp-step is for --scenario ramp only");
  CHECK(refusal(with([](Draft& d) { d.settle = 3s; })) == "--settle is for --scenario storm and drain only");
  CHECK(refusal(with([](Draft& d) { d.scenario = "drain"; })).starts_with("--scenario drain needs --restart-cmd"));
  CHECK(refusal(with([](Draft& d) { d.no_publish = true, d.rate = 3; })).starts_with("--no-publish publishes nothing"));
  CHECK(refusal(with([](Draft& d) {
          d.scenario = "idle", d.rate = 3;
        })).starts_with("--scenario idle publishes nothing"));
  CHECK(refusal(with([](Draft& d) { d.one_at_a_time = true, d.rate = 3; })).find("leave out --rate") !=
        std::string::npos);
  CHECK(refusal(with([](Draft& d) { d.publish_command = "cat", d.preset = "nchan"; })).starts_with("--publish-cmd"));
  CHECK(refusal(with([](Draft& d) { d.publish_body = "hello"; })).starts_with("--publish-body needs {data}"));
  CHECK(refusal(with([](Draft& d) { d.topics = 4, d.url = "https://h/x"; })).find("needs {i}") != std::string::npos);
  CHECK(refusal(with([](Draft& d) { d.payload = 10; })).find("33 bytes") != std::string::npos);
  CHECK(refusal(with([](Draft& d) { d.expect_events = 10; })).find("--no-publish") != std::string::npos);
  CHECK(refusal(with([](Draft& d) { d.scenario = "ramp", d.ramp_factor = 1; })).starts_with("--ramp-factor"));
  CHECK(refusal(with([](Draft& d) { d.scenario = "ramp", d.ramp_to = 1; })).starts_with("--ramp-to"));
  CHECK(refusal(with([](Draft& d) { d.scenario = "slow-reader", d.slow_share = 1; })).starts_with("--slow-share"));
  CHECK(refusal(with([](Draft& d) { d.duration = 0s; })) == "--duration must be above 0");
  CHECK(refusal(with([](Draft& d) { d.url = "ftp://x"; })).find("https or http") != std::string::npos);
  CHECK(refusal(with([](Draft& d) { d.expect = {"p98<3"}; })).find("did you mean") != std::string::npos);
}

TEST_CASE("a server's process must exist") {
  CHECK(make_command(with([](Draft& d) { d.servers = {getpid()}; })).plan.servers == std::vector<pid_t>{getpid()});
  CHECK(refusal(with([](Draft& d) { d.servers = {1 << 22}; })) == "--server-pid 4194304: there is no such process");
}
