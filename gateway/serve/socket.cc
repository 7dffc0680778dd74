#include "gateway/serve/socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace sluice::serve {

namespace {

constexpr std::size_t read_size = 64 * 1024;

void set_option(int descriptor, int name, int value) {
  // A kernel that does not know the option serves the stream all the same.
  (void)::setsockopt(descriptor, IPPROTO_TCP, name, &value, sizeof value);
}

}  // namespace

Socket::Socket(Worker& worker, std::uint64_t id, boost::asio::ip::tcp::socket&& socket, Handler& handler,
               const proto::TlsContext& context, std::string remote)
    : worker_(worker),
      socket_(std::move(socket)),
      connection_(id, worker.services_, handler, *this, context, std::move(remote)) {
  const int descriptor = socket_.native_handle();
  set_option(descriptor, TCP_NODELAY, 1);
  // Unsent bytes stay in the log, where they cost nothing, rather than in the kernel.
  set_option(descriptor, TCP_NOTSENT_LOWAT, 128 * 1024);
  set_option(descriptor, TCP_USER_TIMEOUT, static_cast<int>(worker.config_.limits.stall_timeout.count()));
}

void Socket::await_readable() {
  ++waits_;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_read, [this](const boost::system::error_code& error) {
    --waits_;
    worker_.mark_time();
    if (closed_ || connection_.dead()) return worker_.bury(connection_.id());
    if (error) return connection_.on_transport_end();
    if (connection_.handshaking() && !worker_.handshakes_.has_room(worker_.services_.now)) {
      worker_.deferred_.push_back(connection_.id());
      return;
    }
    read();
  });
}

void Socket::read() {
  thread_local std::array<std::uint8_t, read_size> buffer;
  const bool handshaking = connection_.handshaking();
  if (handshaking) worker_.handshakes_.take(worker_.services_.now);
  const std::uint64_t begun = handshaking ? thread_cpu_ns() : 0;
  const ssize_t count = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  if (count > 0)
    connection_.on_bytes({buffer.data(), static_cast<std::size_t>(count)});
  else if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
    connection_.on_transport_end();
  if (handshaking) worker_.load_.handshake_ns.fetch_add(thread_cpu_ns() - begun, std::memory_order_relaxed);
  if (was_handshaking && !connection_.handshaking()) {
    was_handshaking = false;
    worker_.load_.handshakes_done.fetch_add(1, std::memory_order_relaxed);
    worker_.load_.handshakes.fetch_sub(1, std::memory_order_relaxed);
  }
  if (!connection_.dead()) await_readable();
}

std::size_t Socket::send(std::span<const std::uint8_t> bytes) {
  const ssize_t count = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
  return bytes.size();  // broken: reading tells
}

void Socket::await_writable() {
  if (std::exchange(awaits_writable_, true)) return;
  ++waits_;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_write, [this](const boost::system::error_code& error) {
    --waits_;
    awaits_writable_ = false;
    worker_.mark_time();
    if (closed_ || connection_.dead()) return worker_.bury(connection_.id());
    if (!error) connection_.on_writable();
  });
}

void Socket::close() {
  if (std::exchange(closed_, true)) return;
  boost::system::error_code ignored;  // the peer may be gone already
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  socket_.close(ignored);
}

}  // namespace sluice::serve
