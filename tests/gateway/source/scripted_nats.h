// ScriptedNats: as much of a NATS server as one subscription needs, where the real one could not be made to do it: it
// sends what a test says, as fast as it can. One connection at a time, on a thread of its own. Invariant: send()
// returns once the peer's side of TCP has taken it all.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <istream>
#include <mutex>
#include <string>
#include <thread>

namespace sluice::test {

class ScriptedNats {
 public:
  ScriptedNats() : thread_([this] { serve(); }) {}
  ~ScriptedNats() {
    boost::system::error_code ignored;
    stopping_ = true;
    acceptor_.cancel(ignored);
    boost::asio::ip::tcp::socket(loop_).connect(acceptor_.local_endpoint(), ignored);  // wakes accept()
    {
      const std::lock_guard lock(mutex_);
      socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
    }
    thread_.join();
  }
  ScriptedNats(const ScriptedNats&) = delete;
  ScriptedNats& operator=(const ScriptedNats&) = delete;

  [[nodiscard]] std::string url() const {
    return "nats://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  [[nodiscard]] bool subscribed() const { return subscribed_; }
  void send(const std::string& subject, const std::string& data) {
    const std::string text = "MSG " + subject + " 1 " + std::to_string(data.size()) + "\r\n" + data + "\r\n";
    say(text);
  }

 private:
  using Tcp = boost::asio::ip::tcp;

  void serve() {
    boost::system::error_code error;
    while (!stopping_) {
      Tcp::socket accepted(loop_);
      acceptor_.accept(accepted, error);
      if (error || stopping_) return;
      {
        const std::lock_guard lock(mutex_);
        socket_ = std::move(accepted);
      }
      say("INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"headers\":true,\"max_payload\":8388608}\r\n");
      boost::asio::streambuf received;
      while (boost::asio::read_until(socket_, received, "\r\n", error) != 0 && !error) {
        std::string line;
        std::getline(std::istream(&received), line);
        if (line.starts_with("PING")) say("PONG\r\n");
        if (line.starts_with("SUB ")) subscribed_ = true;
      }
      const std::lock_guard lock(mutex_);
      socket_.close(error);
    }
  }
  void say(const std::string& text) {
    const std::lock_guard lock(mutex_);
    boost::asio::write(socket_, boost::asio::buffer(text));
  }

  boost::asio::io_context loop_;
  Tcp::acceptor acceptor_{loop_, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::mutex mutex_;  // of the socket; its own thread reads without
  Tcp::socket socket_{loop_};
  std::atomic<bool> subscribed_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::test
