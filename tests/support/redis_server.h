// RedisServer: a real redis-server as a child process, on a free port of 127.0.0.1, with its files in a folder of its
// own. Owned by a test; the first connection that it answers says that it is ready. It is stopped by its process id.
// Invariant: neither process nor folder outlives the object.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/certificates.h"

namespace sluice::test {

class RedisServer {
 public:
  // `options` as on redis-server's command line: {"--requirepass", "secret"}.
  explicit RedisServer(std::vector<std::string> options = {});
  // TLS only.
  RedisServer(const tests::TestCertificates& certificates, std::vector<std::string> options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start();  // again, on the same port and data
  void kill();   // -9
  void stop();   // SIGSTOP: it keeps its connections and answers nobody
  void go_on();
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  RedisServer(const std::string& port_option, std::vector<std::string> options);

  tests::TemporaryDirectory folder_;
  std::uint16_t port_;
  std::vector<std::string> arguments_;
  pid_t process_ = -1;
};

}  // namespace sluice::test
