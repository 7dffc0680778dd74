#include "gateway/source/sse_backend_url.h"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>

namespace sluice::source {
namespace {

std::optional<std::string> where(std::string_view url, std::string_view topic) {
  const auto target = SseBackendUrl("s", url).target_of(topic);
  if (!target) return std::nullopt;
  return std::string(target->scheme()) + "://" + target->authority() + target->path +
         (target->query.empty() ? "" : "?" + target->query);
}

TEST_CASE("a topic is a stream of the url's shape, and nothing else is a topic") {
  struct Row {
    const char *url, *topic;
    std::optional<std::string> where;
  };
  const Row rows[] = {
      {"https://h/feed", "s", "https://h/feed"},
      {"https://h/feed", "s/a", {}},
      {"https://h", "s", "https://h/"},
      {"http://h:8080/feed?a=1", "s", "http://h:8080/feed?a=1"},
      {"https://[::1]:9/f/{x}", "s/eu", "https://[::1]:9/f/eu"},
      {"https://h/{region}/feed", "s/eu", "https://h/eu/feed"},
      {"https://h/{a}/x?kind={b}", "s/1/2", "https://h/1/x?kind=2"},
      {"https://h/feeds/{region}", "s", {}},
      {"https://h/feeds/{region}", "s/", {}},
      {"https://h/feeds/{region}", "s/a/b", {}},
      {"https://h/feeds/{region}", "s/..", {}},
      {"https://h/feeds/{region}", "s/.", {}},
      {"https://h/feeds/a{region}", "s/..", "https://h/feeds/a.."},
      {"https://h/feeds/{region}", "s/a%2f", {}},
      {"https://h/feeds?x={region}", "s/a&b", {}},
      {"https://h/feeds?x={region}", "s/..", "https://h/feeds?x=.."},
      {"https://h/feeds/{region}", "t/eu", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    CAPTURE(row.topic);
    CHECK(where(row.url, row.topic) == row.where);
  }
}

TEST_CASE("a url that is none is refused") {
  for (const char* url : {"https:h/feed", "https:///feed", "https://h:0/", "https://user@h/", "https://{h}/feed",
                          "https://h/{", "https://h/{a}{b}", "https://h/a b"}) {
    CAPTURE(url);
    CHECK_THROWS_AS(SseBackendUrl("s", url), std::invalid_argument);
  }
}

}  // namespace
}  // namespace sluice::source
