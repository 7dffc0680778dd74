#include "gateway/serve/listener.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/v6_only.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "gateway/observe/log.h"

namespace sluice::serve {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr int accepts_per_turn = 32;
constexpr std::chrono::milliseconds rest_time{100};
constexpr int backlog = 4096;

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                    : fmt::format("{}:{}", host, endpoint.port());
}

tcp::endpoint resolve(const config::ListenAddress& address, asio::io_context& io) {
  if (address.host.empty()) return {tcp::v6(), address.port};
  if (address.host == "localhost") return {asio::ip::address_v4::loopback(), address.port};
  boost::system::error_code error;
  const auto literal = asio::ip::make_address(address.host, error);
  if (!error) return {literal, address.port};
  const auto found = tcp::resolver(io).resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty())
    throw std::runtime_error(fmt::format("listen: cannot resolve `{}`: {}", address.host, error.message()));
  return found.begin()->endpoint();
}

}  // namespace

Listener::Listener(const config::ListenAddress& address, std::vector<Worker*> workers, const config::Limits& limits,
                   const proto::TlsContext& context, Handler* handler)
    : worker_(*workers.front()),
      workers_(std::move(workers)),
      limits_(limits),
      context_(context),
      handler_(handler),
      acceptor_(worker_.io()),
      timer_(worker_.io()) {
  tcp::endpoint endpoint = resolve(address, worker_.io());
  boost::system::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (error && address.host.empty()) {  // a machine without IPv6
    endpoint = {tcp::v4(), address.port};
    acceptor_.open(endpoint.protocol(), error);
  }
  if (!error && address.host.empty() && endpoint.protocol() == tcp::v6())
    acceptor_.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(backlog, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (error == asio::error::address_in_use)
    throw std::runtime_error(
        fmt::format("listen: {} is in use: stop the other program, or choose another address (--listen, port 0: any)",
                    text_of(endpoint)));
  if (error) throw std::runtime_error(fmt::format("listen: {}: {}", text_of(endpoint), error.message()));
  address_ = text_of(acceptor_.local_endpoint());
  port_ = acceptor_.local_endpoint().port();
}

void Listener::start() { await(); }

void Listener::stop() {
  stopped_ = true;
  boost::system::error_code ignored;  // closing twice is fine
  acceptor_.close(ignored);
  timer_.cancel();
}

void Listener::await() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    accept();
  });
}

Worker& Listener::least_loaded() const {
  return **std::ranges::min_element(workers_, {}, [](Worker* worker) {
    return worker->load().streams.load(std::memory_order_relaxed) +
           worker->load().connections.load(std::memory_order_relaxed);
  });
}

void Listener::accept() {
  auto& hits = worker_.services().metrics.limit_hits;
  const load::ConnectionRoom& room = worker_.services().load.connection_room;
  for (int accepted = 0; accepted != accepts_per_turn; ++accepted) {
    std::uint32_t connections = 0, handshakes = 0;
    for (Worker* worker : workers_) {
      connections += worker->load().connections.load(std::memory_order_relaxed);
      handshakes += worker->load().handshakes.load(std::memory_order_relaxed);
    }
    if (handshakes >= limits_.handshakes) {
      hits[observe::Limit::handshakes].add();
      return rest();
    }
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int descriptor =
        ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        hits[observe::Limit::descriptors].add();
        observe::log_event(observe::Level::warning, "no descriptor for a new connection",
                           {{"remedy", "raise LimitNOFILE / ulimit -n"}});
        return rest();
      }
      observe::log_event(observe::Level::warning, "accept failed", {{"error", std::system_category().message(errno)}});
      return rest();
    }
    const bool admin = handler_ != nullptr, full = connections >= room.most;
    const bool surplus = full && !admin;
    if (surplus)
      hits[room.reason == load::BusyReason::connections ? observe::Limit::connections : observe::Limit::descriptors]
          .add();
    if (connections >=
        room.most + load::ConnectionRoom::surplus_max + (admin ? load::ConnectionRoom::admin_extra : 0)) {
      ::close(descriptor);
      continue;
    }
    tcp::endpoint endpoint;
    endpoint.resize(std::min<std::size_t>(size, endpoint.capacity()));
    std::memcpy(endpoint.data(), &peer, std::min<std::size_t>(size, endpoint.capacity()));
    Worker& target = admin ? worker_ : least_loaded();
    if (&target == &worker_) {
      target.take(descriptor, text_of(endpoint), context_, handler_, surplus);
    } else {
      target.post([&target, descriptor, remote = text_of(endpoint), &context = context_, handler = handler_,
                   surplus]() mutable { target.take(descriptor, std::move(remote), context, handler, surplus); });
    }
  }
  await();
}

void Listener::rest() {
  timer_.expires_after(rest_time);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !stopped_) await();
  });
}

}  // namespace sluice::serve
