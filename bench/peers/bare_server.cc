// What TLS, HTTP/2 and the socket cost on a machine when a server does nothing else: the limit beside which bench/run
// (--peer) shows the gateway. A POST's body is one event, written at once to every stream of its path; no route, limit,
// resume, history that is ever dropped, timer or metric. One thread, epoll, the project's own protocol machines.
// Not a server for anything else: it trusts its client and ends with it.
//
//   bare_server PORT CERTIFICATE KEY
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/byte_buffer.h"
#include "proto/http2_server.h"
#include "proto/tls.h"

namespace {

using namespace sluice;

constexpr std::size_t record_size = 16 * 1024;

class Peer;

struct Stream final : proto::Http2StreamOwner {
  // Where its bytes come from: one text for all who listen, or an answer.
  void write_body(std::span<std::uint8_t> out) override {
    std::memcpy(out.data(), text->data() + sent, out.size());
    sent += out.size();
  }

  Peer* peer = nullptr;
  std::string path;
  const std::string* text = nullptr;
  std::size_t sent = 0;
  std::string body;  // of a POST
  bool publishes = false, ready = false;
};

struct Topic {
  std::string text;  // all events so far
  std::vector<Stream*> streams;
  bool touched = false;
};

// All that the one thread knows.
struct Server {
  const proto::TlsContext& tls;
  proto::Http2Limits limits;
  std::map<std::string, Topic, std::less<>> topics;
  std::vector<Topic*> touched;
  std::vector<Peer*> dirty;
  std::uint64_t events = 0;
};

class Peer final : proto::CiphertextSink, proto::Http2Visitor {
 public:
  Peer(Server& server, int descriptor) : server_(server), descriptor_(descriptor), tls_(server.tls, *this) {}
  ~Peer() {
    session_.reset();
    ::close(descriptor_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // False: it is gone. A read that does not fill the buffer has emptied the socket (epoll(7): edge-triggered).
  bool read() {
    static std::array<std::uint8_t, 64 * 1024> buffer;
    while (true) {
      const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
      if (!take({buffer.data(), static_cast<std::size_t>(count)})) return false;
      if (static_cast<std::size_t>(count) < buffer.size()) return true;
    }
  }

  void wake(Stream& stream) {
    if (!std::exchange(stream.ready, true)) ready_.push_back(&stream);
    mark();
  }

  // Sends what its streams have, as far as windows and socket take it.
  void pump() {
    marked_ = false;
    if (!session_ || !unsent_.empty()) return;
    static ByteBuffer out;
    out.clear();
    session_->flush(out);
    std::vector<Stream*> blocked;
    pumped_ = std::exchange(ready_, {});
    for (std::size_t index = 0; index != pumped_.size(); ++index) {
      Stream* const stream = pumped_[index];
      if (stream == nullptr) continue;
      for (std::size_t rest; pumped_[index] != nullptr && (rest = stream->text->size() - stream->sent) != 0;) {
        const std::size_t size = std::min(rest, session_->sendable(*stream));
        if (size == 0) break;
        session_->send_data(*stream, size, stream->publishes && size == rest, out);
        if (out.size() >= record_size) {
          tls_.send(out.bytes());
          out.clear();
        }
      }
      if (pumped_[index] == nullptr) continue;  // answered and closed
      stream->ready = stream->sent != stream->text->size();
      if (stream->ready) blocked.push_back(stream);
    }
    ready_ = std::move(blocked);
    pumped_.clear();
    closed_.clear();
    if (!out.empty()) tls_.send(out.bytes());
  }

  void on_writable() {
    const ByteBuffer rest = std::move(unsent_);
    unsent_ = ByteBuffer();
    on_ciphertext(rest.bytes());
    if (unsent_.empty()) mark();
  }

 private:
  bool take(std::span<const std::uint8_t> bytes) {
    plaintext_.clear();
    const auto state = tls_.receive(bytes, plaintext_);
    if (state == proto::TlsSession::State::open && !session_)
      session_ = std::make_unique<proto::Http2Server>(server_.limits, static_cast<proto::Http2Visitor&>(*this),
                                                      proto::TimePoint());
    if (session_ && !plaintext_.empty() && session_->receive(plaintext_.bytes(), proto::TimePoint())) return false;
    if (session_ && session_->wants_flush()) mark();
    return state == proto::TlsSession::State::handshaking || state == proto::TlsSession::State::open;
  }

  void mark() {
    if (!std::exchange(marked_, true)) server_.dirty.push_back(this);
  }

  void on_ciphertext(std::span<const std::uint8_t> bytes) override {
    std::size_t taken = 0;
    if (unsent_.empty()) {
      const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) taken = static_cast<std::size_t>(count);
    }
    unsent_.append(bytes.subspan(taken));
  }

  proto::Http2StreamOwner* on_request(proto::StreamId id, proto::Request&& request, bool) override {
    auto stream = std::make_unique<Stream>();
    stream->peer = this;
    stream->path = request.path;
    stream->publishes = request.method == "POST";
    if (!stream->publishes) {
      session_->respond(id, {200, {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}}}, false);
      Topic& topic = server_.topics[request.path];
      if (topic.text.empty()) topic.text = "retry: 3000\nid: bare00.0\n\n";
      stream->text = &topic.text;
      topic.streams.push_back(stream.get());
      wake(*stream);
    }
    return streams_.emplace(id, std::move(stream)).first->second.get();
  }
  void on_body(proto::StreamId id, proto::Http2StreamOwner* owner, std::span<const std::uint8_t> bytes) override {
    static_cast<Stream*>(owner)->body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    session_->consume(id, bytes.size());
  }
  void on_body_end(proto::StreamId id, proto::Http2StreamOwner* owner) override {
    auto& stream = *static_cast<Stream*>(owner);
    Topic& topic = server_.topics[stream.path];
    const std::string event_id = "bare00." + std::to_string(++server_.events);
    topic.text.append("id: ").append(event_id).append("\ndata: ").append(stream.body).append("\n\n");
    if (!std::exchange(topic.touched, true)) server_.touched.push_back(&topic);
    stream.body = R"({"ids":[")" + event_id + R"("]})";
    stream.text = &stream.body;
    session_->respond(id, {200, {{"content-type", "application/json"}}}, false);
    wake(stream);
  }
  void on_window(proto::StreamId, proto::Http2StreamOwner*) override {
    if (!ready_.empty()) mark();
  }
  void on_close(proto::StreamId id, proto::Http2StreamOwner* owner, std::uint32_t) override {
    auto& stream = *static_cast<Stream*>(owner);
    std::erase(ready_, &stream);
    std::ranges::replace(pumped_, &stream, nullptr);
    if (!stream.publishes) std::erase(server_.topics[stream.path].streams, &stream);
    closed_.push_back(std::move(streams_.at(id)));  // it may be the one that is pumped
    streams_.erase(id);
  }
  void on_pong() override {}
  void on_goaway() override {}
  void on_glitch(proto::Glitch) override {}

  Server& server_;
  const int descriptor_;
  proto::TlsSession tls_;
  std::unique_ptr<proto::Http2Server> session_;
  ByteBuffer plaintext_, unsent_;
  std::map<proto::StreamId, std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> ready_, pumped_;  // nullptr: closed meanwhile
  std::vector<std::unique_ptr<Stream>> closed_;
  bool marked_ = false;
};

void check_call(bool success, const char* what) {
  if (!success) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

int listen_on(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check_call(descriptor >= 0, "socket");
  const int on = 1;
  check_call(::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "SO_REUSEADDR");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check_call(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  check_call(::listen(descriptor, SOMAXCONN) == 0, "listen");
  return descriptor;
}

void serve(std::uint16_t port, const proto::TlsContext& tls) {
  Server server{.tls = tls};
  server.limits.receive_window = 1024 * 1024;
  std::map<int, std::unique_ptr<Peer>> peers;
  const int listener = listen_on(port), poll = ::epoll_create1(EPOLL_CLOEXEC);
  check_call(poll >= 0, "epoll_create1");
  const auto watch = [poll](int descriptor, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = descriptor}};
    check_call(::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0, "epoll_ctl");
  };
  watch(listener, EPOLLIN);
  std::array<epoll_event, 128> events{};
  while (true) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      if (event.data.fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) continue;
        const int on = 1;
        check_call(::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
        watch(accepted, EPOLLIN | EPOLLOUT | EPOLLET);
        peers.emplace(accepted, std::make_unique<Peer>(server, accepted));
        continue;
      }
      Peer& peer = *peers.at(event.data.fd);
      if ((event.events & EPOLLOUT) != 0) peer.on_writable();
      if ((event.events & (EPOLLIN | EPOLLHUP)) != 0 && !peer.read()) {
        std::erase(server.dirty, &peer);
        peers.erase(event.data.fd);
      }
    }
    for (Topic* topic : std::exchange(server.touched, {})) {
      topic->touched = false;
      for (Stream* stream : topic->streams) stream->peer->wake(*stream);
    }
    for (Peer* peer : std::exchange(server.dirty, {})) peer->pump();
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::span words(arguments, static_cast<std::size_t>(count));
    std::uint16_t port = 0;
    if (words.size() != 4) throw std::runtime_error("usage: bare_server PORT CERTIFICATE KEY");
    const std::string_view text = words[1];
    if (std::from_chars(text.data(), text.data() + text.size(), port).ec != std::errc())
      throw std::runtime_error("not a port: " + std::string(text));
    serve(port, proto::TlsContext::server({.certificate = words[2], .key = words[3]}));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare_server: %s\n", error.what());
    return 1;
  }
  return 0;
}
