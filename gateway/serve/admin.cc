#include "gateway/serve/admin.h"

#include "gateway/observe/exposition.h"
#include "gateway/serve/answer_stream.h"
#include "gateway/serve/files.h"
#include "gateway/serve/status.h"

namespace sluice::serve {

namespace {

// For a balancer the status, for a person what each source is at. A source that is down does not make us unready: its
// subscribers wait here as well as anywhere.
Answer readiness(const observe::Metrics& metrics, bool ready, const LoadWatch& load) {
  std::string text = ready ? "ready\n" : "draining\n";
  text += load.detail() + '\n';
  for (const observe::SourceMetrics& source : metrics.sources()) {
    text += "source " + source.source() + ": " + std::string(name(source.state()));
    if (const std::string why = source.why(); !why.empty()) text += ": " + why;
    text += '\n';
  }
  return make_answer(ready ? 200 : 503, "text/plain", std::move(text));
}

Answer exposition(const observe::Metrics& metrics) {
  auto text = observe::expose(metrics);
  if (text) return make_answer(200, observe::exposition_content_type, std::move(*text));
  return to_answer({.status = 501,
                    .error = "not-built-in",
                    .detail = "this build has no prometheus-cpp: build with -Dprometheus=enabled"});
}

}  // namespace

Answer Admin::answer(const proto::Request& request, std::chrono::steady_clock::time_point now) const {
  if (request.method != "GET" && request.method != "HEAD")
    return to_answer(
        {.status = 405, .error = "method-not-allowed", .detail = "GET or HEAD", .fields = {{"allow", "GET, HEAD"}}});
  const bool ready = ready_.load(std::memory_order_relaxed);
  if (request.path == "/healthz") return make_answer(200, "text/plain", "ok\n");
  if (request.path == "/readyz") return readiness(metrics_, ready, load_);
  if (request.path == "/metrics") return exposition(metrics_);
  if (request.path == "/status")
    return make_answer(
        200, "application/json",
        status_json(metrics_, load_.meter(),
                    {.ready = ready, .up = std::chrono::floor<std::chrono::milliseconds>(now - started_)}));
  Answer file = answer_embedded(embedded_dashboard(), request, std::string_view(request.path).substr(1));
  if (file.head.status != 404) return file;
  return to_answer({.status = 404,
                    .error = "not-found",
                    .detail = "the admin listener has a page at /, /status, /healthz, /readyz and /metrics"});
}

std::unique_ptr<Stream> Admin::handle(proto::Request&& request, bool, Connection& connection) {
  Answer answered = answer(request, connection.services().now);
  if (request.method == "HEAD") answered.bytes = {};
  return std::make_unique<AnswerStream>(std::move(answered));
}

}  // namespace sluice::serve
