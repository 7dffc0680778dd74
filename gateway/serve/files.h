// Files: the static files of one route, from a directory or from inside the binary, as finite answers.
// One per route with `files`; any worker may ask. Reads a file whole, in the caller's thread, once for all who are sent
// it at a time: meant for a dashboard's few kilobytes, not for downloads.
// Invariant: what is answered lies under the directory, symbolic links resolved; names that begin with '.' and what is
// not a regular file do not exist.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/serve/answer.h"
#include "gateway/serve/embedded.h"
#include "proto/http.h"

namespace sluice::serve {

class FilesInUse;

class Files {
 public:
  // A file above this is 404 with a reason: it would stand in memory while somebody is sent it.
  static constexpr std::size_t size_max = 16 * 1024 * 1024;

  // "embedded:" or a directory. Throws std::runtime_error that names the directory when it is not one.
  explicit Files(const std::filesystem::path& place);

  // GET or HEAD. `file`: RouteMatch::file, a decoded path without a leading '/'; "" and a name that ends in '/' mean
  // index.html there; a directory without the '/' is redirected to it. Knows If-None-Match.
  [[nodiscard]] Answer answer(const proto::Request& request, std::string_view file) const;

 private:
  std::filesystem::path directory_;  // canonical; empty: embedded
  std::shared_ptr<FilesInUse> in_use_;
};

// GET or HEAD of one of the files inside the binary; "" means index.html. Knows If-None-Match.
[[nodiscard]] Answer answer_embedded(std::span<const EmbeddedFile> files, const proto::Request& request,
                                     std::string_view file);
// By the name's ending; application/octet-stream for one that is not known.
[[nodiscard]] std::string_view content_type_of(std::string_view file);
// Whether an If-None-Match value names `etag` (RFC 9110 §13.1.2, weak comparison) or is "*".
[[nodiscard]] bool none_match_names(std::string_view if_none_match, std::string_view etag);

}  // namespace sluice::serve
