#include "tests/support/redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <stdexcept>
#include <utility>

namespace sluice::test {
namespace {

std::uint16_t free_port() {
  using boost::asio::ip::tcp;
  boost::asio::io_context loop;
  const tcp::acceptor acceptor(loop, {boost::asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

std::vector<std::string> with_certificates(const tests::TestCertificates& certificates,
                                           std::vector<std::string> options) {
  const std::vector<std::string> tls{"--port",
                                     "0",
                                     "--tls-cert-file",
                                     certificates.cert().string(),
                                     "--tls-key-file",
                                     certificates.key().string(),
                                     "--tls-ca-cert-file",
                                     certificates.ca().string(),
                                     "--tls-auth-clients",
                                     "no"};
  options.insert(options.end(), tls.begin(), tls.end());
  return options;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> options) : RedisServer("--port", std::move(options)) {}

RedisServer::RedisServer(const tests::TestCertificates& certificates, std::vector<std::string> options)
    : RedisServer("--tls-port", with_certificates(certificates, std::move(options))) {}

RedisServer::RedisServer(const std::string& port_option, std::vector<std::string> options)
    : port_(free_port()), arguments_{"redis-server", port_option, std::to_string(port_),
                                     "--bind",       "127.0.0.1", "--dir",
                                     folder_.path(), "--save",    "",
                                     "--appendonly", "yes",       "--appendfsync",
                                     "always"} {
  arguments_.insert(arguments_.end(), options.begin(), options.end());
  start();
}

RedisServer::~RedisServer() {
  if (process_ > 0) kill();
}

void RedisServer::start() {
  std::vector<char*> words;
  for (std::string& argument : arguments_) words.push_back(argument.data());
  words.push_back(nullptr);
  const std::string log = folder_.path() / "log";
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  const int failure = posix_spawnp(&process_, words[0], &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0) throw std::runtime_error("no redis-server: tools/packages.txt names its package");
}

void RedisServer::kill() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void RedisServer::stop() { ::kill(process_, SIGSTOP); }
void RedisServer::go_on() { ::kill(process_, SIGCONT); }

}  // namespace sluice::test
