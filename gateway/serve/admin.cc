#include "gateway/serve/admin.h"

#include "gateway/observe/exposition.h"
#include "gateway/serve/answer_stream.h"

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

Answer answer(const proto::Request& request, const observe::Metrics& metrics, bool ready, const LoadWatch& load) {
  const auto problem = [](int status, const char* error, const char* detail, std::vector<proto::Field> fields = {}) {
    return to_answer(
        {.status = status, .error = error, .detail = detail, .where = {}, .pointer = {}, .fields = std::move(fields)});
  };
  const bool known = request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
  if (!known) return problem(404, "not-found", "the admin listener has /healthz, /readyz and /metrics");
  if (request.method != "GET" && request.method != "HEAD")
    return problem(405, "method-not-allowed", "GET or HEAD", {{"allow", "GET, HEAD"}});
  if (request.path == "/healthz") return make_answer(200, "text/plain", "ok\n");
  if (request.path == "/readyz") return readiness(metrics, ready, load);
  auto text = observe::expose(metrics);
  if (!text) return problem(501, "not-built-in", "this build has no prometheus-cpp: build with -Dprometheus=enabled");
  return make_answer(200, observe::exposition_content_type, std::move(*text));
}

}  // namespace

std::unique_ptr<Stream> Admin::handle(proto::Request&& request, bool, Connection&) {
  Answer answered = answer(request, metrics_, ready_.load(std::memory_order_relaxed), load_);
  if (request.method == "HEAD") answered.bytes = {};
  return std::make_unique<AnswerStream>(std::move(answered));
}

}  // namespace sluice::serve
