#include "gateway/serve/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::serve {
namespace {

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int value() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

Answer not_found(std::string detail = "no such file") {
  return to_answer({.status = 404, .error = "not-found", .detail = std::move(detail)});
}

bool hidden(std::string_view file) { return file.starts_with('.') || file.find("/.") != std::string_view::npos; }

// Where an open file really is: the check cannot be raced, as one before the opening could.
std::filesystem::path place_of(int fd) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
}

std::optional<std::string> read_whole(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::read(fd, bytes.data() + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;  // it was truncated meanwhile
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

// The head: 200, or 304 when the client has the file. Whether its bytes are to follow: wants_bytes().
Answer found(const proto::Request& request, std::string_view file, std::string_view etag, std::size_t size) {
  Answer answer;
  // no-cache: kept, but asked for again; the etag makes that cheap and an update visible at once.
  answer.head.fields = {
      {"etag", std::string(etag)}, {"cache-control", "no-cache"}, {"x-content-type-options", "nosniff"}};
  if (none_match_names(request.field("if-none-match"), etag)) {
    answer.head.status = 304;
    return answer;
  }
  answer.head.fields.push_back({"content-type", std::string(content_type_of(file))});
  answer.head.fields.push_back({"content-length", std::to_string(size)});
  return answer;
}

bool wants_bytes(const proto::Request& request, const Answer& answer) {
  return answer.head.status == 200 && request.method != "HEAD";
}

}  // namespace

// Files that somebody is being sent: who asks for one of them shares its bytes, so that a thousand who do not read take
// the memory of one.
class FilesInUse {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  // `read` is called where nobody has it; nullptr: it could not be read.
  template <typename Read>
  [[nodiscard]] Bytes find(const std::string& place, const std::string& etag, Read read) {
    const std::lock_guard lock(mutex_);
    std::erase_if(files_, [](const auto& file) { return file.second.expired(); });
    std::weak_ptr<const std::string>& known = files_[place + etag];
    if (Bytes bytes = known.lock()) return bytes;
    std::optional<std::string> fresh = read();
    if (!fresh) return nullptr;
    auto bytes = std::make_shared<const std::string>(std::move(*fresh));
    known = bytes;
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const std::string>> files_;
};

Files::Files(const std::filesystem::path& place) : in_use_(std::make_shared<FilesInUse>()) {
  if (place == "embedded:") return;
  std::error_code error;
  directory_ = std::filesystem::canonical(place, error);
  if (error || !std::filesystem::is_directory(directory_, error))
    throw std::runtime_error(place.string() + ": " + (error ? error.message() : "not a directory") +
                             ": name a folder, or \"embedded:\" for the page inside the program");
}

Answer answer_embedded(std::span<const EmbeddedFile> files, const proto::Request& request, std::string_view file) {
  for (const EmbeddedFile& embedded : files) {
    if (embedded.path != (file.empty() ? "index.html" : file)) continue;
    Answer answer = found(request, embedded.path, embedded.etag, embedded.bytes.size());
    if (wants_bytes(request, answer)) answer.bytes = embedded.bytes;
    // Our pages have no inline script and no foreign part, and say so; a directory's owner sets a policy of his own.
    answer.head.fields.push_back({"content-security-policy", "default-src 'self'; frame-ancestors 'none'"});
    return answer;
  }
  return not_found();
}

Answer Files::answer(const proto::Request& request, std::string_view file) const {
  if (hidden(file) || file.find('\0') != std::string_view::npos) return not_found();
  if (directory_.empty()) return answer_embedded(embedded_page(), request, file);
  std::string name(file);
  if (name.empty() || name.ends_with('/')) name += "index.html";
  // NONBLOCK: opening a FIFO must not wait for its writer.
  const Descriptor descriptor(
      ::open((directory_.string() + "/" + name).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!descriptor.valid()) return not_found();
  const std::string place = place_of(descriptor.value()).string();
  if (!place.starts_with(directory_ == "/" ? "/" : directory_.string() + "/")) return not_found();
  struct stat status {};
  if (::fstat(descriptor.value(), &status) != 0) return not_found();
  if (S_ISDIR(status.st_mode)) {
    Answer answer = make_answer(301, "text/plain", "");
    // The path holds no "//", so this cannot lead to another host.
    answer.head.fields.push_back({"location", request.path + "/" + (request.query.empty() ? "" : "?" + request.query)});
    return answer;
  }
  if (!S_ISREG(status.st_mode)) return not_found();
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > size_max) return not_found("the file is larger than a static file may be here");
  const std::string etag = "\"" + std::to_string(size) + "-" + std::to_string(status.st_mtim.tv_sec) + "." +
                           std::to_string(status.st_mtim.tv_nsec) + "\"";
  Answer answer = found(request, name, etag, size);
  if (!wants_bytes(request, answer)) return answer;
  const auto bytes = in_use_->find(place, etag, [&] { return read_whole(descriptor.value(), size); });
  if (bytes == nullptr || bytes->size() != size) return not_found("the file cannot be read");
  answer.bytes = *bytes;
  answer.owner = bytes;
  return answer;
}

std::string_view content_type_of(std::string_view file) {
  static constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".txt", "text/plain; charset=utf-8"},
      {".md", "text/plain; charset=utf-8"},
      {".csv", "text/csv; charset=utf-8"},
      {".xml", "application/xml"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".gif", "image/gif"},
      {".webp", "image/webp"},
      {".avif", "image/avif"},
      {".ico", "image/x-icon"},
      {".woff", "font/woff"},
      {".woff2", "font/woff2"},
      {".wasm", "application/wasm"},
      {".pdf", "application/pdf"},
  };
  for (const auto& [ending, type] : types)
    if (file.ends_with(ending)) return type;
  return "application/octet-stream";
}

bool none_match_names(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const std::size_t end = if_none_match.find(',');
    std::string_view tag = if_none_match.substr(0, end);
    if_none_match = end == std::string_view::npos ? std::string_view() : if_none_match.substr(end + 1);
    while (tag.starts_with(' ')) tag.remove_prefix(1);
    while (tag.ends_with(' ')) tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag || tag == "*") return true;
  }
  return false;
}

}  // namespace sluice::serve
