// A file of lines: appended to, and read through inotify.
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "bench/engines/engine.h"
#include "bench/engines/intake.h"

namespace sluice::bench {
namespace {

constexpr std::size_t block_bytes = 64UL * 1024;

class Descriptor {
 public:
  Descriptor(int number, const std::string& what) : number_(number) {
    if (number_ < 0) throw std::runtime_error(what + ": " + std::strerror(errno));
  }
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

std::string path_of(const EngineOptions& options) { return options.url.substr(options.url.find(':') + 1); }

class FileWriter final : public Writer {
 public:
  explicit FileWriter(const EngineOptions& options)
      : file_(open(path_of(options).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644), options.url) {}

  void write(std::string_view payload) override {
    kept_.append(payload) += '\n';
    if (kept_.size() >= block_bytes) flush();
  }
  void flush() override {
    const std::string kept = std::exchange(kept_, {});
    if (!kept.empty() && ::write(file_.number(), kept.data(), kept.size()) != static_cast<ssize_t>(kept.size()))
      throw std::runtime_error("the file takes no more");
  }
  void finish() override { flush(); }

 private:
  Descriptor file_;
  std::string kept_;
};

class FileReader final : public Reader {
 public:
  explicit FileReader(const EngineOptions& options)
      : file_(open(path_of(options).c_str(), O_RDONLY | O_CLOEXEC), options.url),
        changes_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC), "inotify"),
        block_(block_bytes) {
    if (inotify_add_watch(changes_.number(), path_of(options).c_str(), IN_MODIFY) < 0)
      throw std::runtime_error("inotify takes no watch");
    if (!options.from_oldest) lseek(file_.number(), 0, SEEK_END);
  }

  void read(Intake& intake) override {
    const ssize_t size = ::read(file_.number(), block_.data(), block_.size());
    if (size < 0) throw std::runtime_error(std::string("the file cannot be read: ") + std::strerror(errno));
    if (size == 0) return await();
    std::string_view rest(block_.data(), static_cast<std::size_t>(size));
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
      if (line_.empty()) {
        intake.take(rest.substr(0, end));
        continue;
      }
      intake.take(line_.append(rest.substr(0, end)));
      line_.clear();
    }
    line_.append(rest);
  }

 private:
  void await() {
    pollfd changed{changes_.number(), POLLIN, 0};
    std::array<char, 4096> ignored;
    if (poll(&changed, 1, read_wait_milliseconds) > 0)
      while (::read(changes_.number(), ignored.data(), ignored.size()) > 0) continue;
  }

  Descriptor file_, changes_;
  std::vector<char> block_;
  std::string line_;  // the beginning of one
};

}  // namespace

std::span<const Engine> file_engines() {
  static const std::array<Engine, 1> engines = {{
      {"file", [](const EngineOptions& options) { return std::make_unique<FileWriter>(options); },
       [](const EngineOptions& options) { return std::make_unique<FileReader>(options); }},
  }};
  return engines;
}

}  // namespace sluice::bench
