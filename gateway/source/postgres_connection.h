// PostgresConnection: a connection to PostgreSQL that stays: it resolves, connects, carries one query after another,
// hands on notifications, notices a server that hangs, and comes back after a loss. Owned by a source, on its home
// worker's loop and thread; libpq is asked only when its socket is ready, so that nothing blocks. It never repeats a
// query: who asked is told of the loss, and asks again.
//
//   a query   query() → done(answer)           a loss   done(lost) for each query → on_down → backoff → on_up
// Every callback comes from the loop, never from inside a call; it may call everything here, and may destroy the
// connection. Invariant: each query is answered exactly once, in order, unless the connection is stopped first.
#pragma once

#include <libpq-fe.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/source/backoff.h"
#include "gateway/source/postgres_url.h"

namespace sluice::source {

// What came of a query. The views live as long as the answer.
class PostgresAnswer {
 public:
  PostgresAnswer() = default;
  explicit PostgresAnswer(std::string lost) : message_(std::move(lost)), lost_(true) {}
  explicit PostgresAnswer(PGresult* result);

  [[nodiscard]] bool ok() const { return !lost_ && sqlstate_.empty() && message_.empty(); }
  // The connection went before the answer came, or was not there: whether the server has done it is unknown.
  [[nodiscard]] bool lost() const { return lost_; }
  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  [[nodiscard]] int rows() const { return result_ ? PQntuples(result_.get()) : 0; }
  [[nodiscard]] std::optional<std::string_view> text(int row, int column) const;
  // Of int8, int4, int2, xid8 and bool columns: their bytes as a number, sign-extended.
  [[nodiscard]] std::optional<std::int64_t> number(int row, int column) const;
  [[nodiscard]] bool flag(int row, int column) const { return number(row, column).value_or(0) != 0; }

 private:
  struct Clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
  std::string sqlstate_, message_;
  bool lost_ = false;
};

struct PostgresQuery {
  std::string text;                                // one statement, with $1, $2, …
  std::vector<std::optional<std::string>> values;  // in their text form, without NUL
};

class PostgresVisitor {
 public:
  virtual void on_up() = 0;
  // The connection was lost, or an attempt to make it failed; the next attempt is planned. `why` is for a person.
  virtual void on_down(const std::string& why) = 0;
  // `own`: this connection sent it.
  virtual void on_notification(std::string_view, bool /*own*/) {}

 protected:
  ~PostgresVisitor() = default;
};

class PostgresConnection {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Done = std::function<void(const PostgresAnswer&)>;

  struct Options {
    PostgresUrl url;
    std::uint64_t seed = 0;              // of the backoff
    Milliseconds connect_timeout{8000};  // resolve, connect, TLS and password together
    // The server gives up a query after the one, we after the other: a hung server is noticed within their sum with the
    // interval at which an idle connection is asked whether it is there.
    Milliseconds statement_timeout{5000}, answer_timeout{6000};
    Milliseconds idle_check{3000};
    std::size_t queries_max = 10'000;  // waiting
  };

  // `visitor` outlives it.
  PostgresConnection(boost::asio::io_context& loop, PostgresVisitor& visitor, Options options);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  void start();  // once
  // Closes for good; no more callbacks.
  void stop();
  void query(PostgresQuery query, Done done);
  // The source cannot work with what it found: closes, and tries again after a longer and longer while.
  void give_up(const std::string& why);
  // The source works: the next wait is a short one again.
  void settle() { backoff_.reset(); }
  // Backpressure for notifications: leaves them in the socket until resume_reading().
  void pause_reading() { paused_ = true; }
  void resume_reading();

  [[nodiscard]] bool up() const { return state_ == State::up; }
  [[nodiscard]] bool started() const { return state_ != State::stopped; }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] int server_version() const { return PQserverVersion(session_.get()); }  // 150020
  [[nodiscard]] const PostgresUrl& url() const { return options_.url; }

 private:
  enum class State : std::uint8_t { stopped, waiting, resolving, connecting, greeting, up };
  using Clock = std::chrono::steady_clock;
  using Address = std::pair<PostgresUrl::Host, std::string>;  // with its numeric address
  struct Asked {
    PostgresQuery query;
    Done done;
  };
  struct Finish {
    void operator()(PGconn* session) const noexcept { PQfinish(session); }
  };
  // A handler of this attempt; nothing is called once it is over.
  template <class Method>
  auto bound(Method method);

  void connect();
  void resolve();
  void on_resolved(const boost::system::error_code& error, const boost::asio::ip::tcp::resolver::results_type& found);
  void open_session();
  void step();
  void greet();
  void await_connecting(boost::asio::posix::descriptor_base::wait_type what);
  void await_readable();
  void on_readable(const boost::system::error_code& error);
  void on_writable(const boost::system::error_code& error);
  void flush();
  void send_next();
  void take_results();
  void take_notifications();
  void lose(const std::string& why);
  void lose_later(const std::string& why);
  void disconnect();
  void set_due(Clock::time_point due);
  void on_time();

  boost::asio::io_context& loop_;
  PostgresVisitor& visitor_;
  const Options options_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::posix::stream_descriptor socket_;  // libpq's: released, never closed
  boost::asio::steady_timer timer_;               // of the next attempt, the answer, or an idle check
  Backoff backoff_;
  std::unique_ptr<PGconn, Finish> session_;
  std::vector<Address> addresses_;
  std::size_t resolved_ = 0;  // hosts
  std::deque<Asked> asked_;   // the first is in flight
  PostgresAnswer answer_;     // of the first, until the server is ready for the next
  std::string error_;
  Clock::time_point due_ = Clock::time_point::max(), armed_ = Clock::time_point::max();
  std::uint64_t attempts_ = 0;  // counts connections made and lost
  std::size_t timeouts_ = 0;    // since it was up
  State state_ = State::stopped;
  bool in_flight_ = false, paused_ = false, reading_ = false, writing_ = false;
  // Expires with the connection: a callback that destroyed it is seen by that.
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::source
