// The files of gateway/serve/page/ and gateway/serve/dashboard/, inside the binary: the pages need no directory and no
// installation. Constants; the definitions are generated at build time by tools/embed.py.
#pragma once

#include <span>
#include <string_view>

namespace sluice::serve {

struct EmbeddedFile {
  std::string_view path;  // "index.html"
  std::string_view bytes;
  std::string_view etag;  // quoted, of the content
};

// The live page, for subscribers.
[[nodiscard]] std::span<const EmbeddedFile> embedded_page();
// The admin listener's page.
[[nodiscard]] std::span<const EmbeddedFile> embedded_dashboard();

}  // namespace sluice::serve
