// The files of gateway/serve/page/, inside the binary: the live page needs no directory and no installation.
// Constants; the definition is generated at build time by tools/embed.py.
#pragma once

#include <span>
#include <string_view>

namespace sluice::serve {

struct EmbeddedFile {
  std::string_view path;  // "index.html"
  std::string_view bytes;
  std::string_view etag;  // quoted, of the content
};

[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

}  // namespace sluice::serve
