#include "gateway/source/postgres_connection.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#include "gateway/source/postgres_errors.h"

namespace sluice::source {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Wait = asio::posix::descriptor_base::wait_type;

// --- Answers -------------------------------------------------------------------------------------------------------

PostgresAnswer::PostgresAnswer(PGresult* result) : result_(result) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return;
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  sqlstate_ = state == nullptr ? "" : state;
  message_ = primary == nullptr ? first_line(PQresultErrorMessage(result)) : primary;
  if (message_.empty()) message_ = "an answer that is none";
}

std::optional<std::string_view> PostgresAnswer::text(int row, int column) const {
  if (PQgetisnull(result_.get(), row, column) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result_.get(), row, column),
                          static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
}

std::optional<std::int64_t> PostgresAnswer::number(int row, int column) const {
  const auto bytes = text(row, column);
  if (!bytes || bytes->empty() || bytes->size() > 8) return std::nullopt;
  std::uint64_t value = (static_cast<unsigned char>(bytes->front()) & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
  for (const char byte : *bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

// --- Life ----------------------------------------------------------------------------------------------------------

PostgresConnection::PostgresConnection(asio::io_context& loop, PostgresVisitor& visitor, Options options)
    : loop_(loop),
      visitor_(visitor),
      options_(std::move(options)),
      resolver_(loop),
      socket_(loop),
      timer_(loop),
      backoff_(options_.seed) {}

PostgresConnection::~PostgresConnection() { stop(); }

template <class Method>
auto PostgresConnection::bound(Method method) {
  return [this, alive = std::weak_ptr(alive_), attempt = attempts_, method](const error_code& error, auto&&... rest) {
    if (!alive.expired() && attempt == attempts_) (this->*method)(error, rest...);
  };
}

void PostgresConnection::start() {
  state_ = State::waiting;
  set_due(Clock::now());
}

void PostgresConnection::stop() {
  alive_.reset();
  disconnect();
  timer_.cancel();
  state_ = State::stopped;
  asked_.clear();
}

void PostgresConnection::disconnect() {
  ++attempts_;
  resolver_.cancel();
  if (socket_.is_open()) socket_.release();
  session_.reset();
  answer_ = {};
  in_flight_ = reading_ = writing_ = false;
}

void PostgresConnection::lose(const std::string& why) {
  disconnect();
  error_ = why;
  state_ = State::waiting;
  set_due(Clock::now() + backoff_.next());
  const std::weak_ptr alive = alive_;
  for (std::deque<Asked> asked = std::exchange(asked_, {}); !asked.empty(); asked.pop_front()) {
    asked.front().done(PostgresAnswer(why));
    if (alive.expired()) return;
  }
  visitor_.on_down(why);
}

void PostgresConnection::lose_later(const std::string& why) {
  asio::post(loop_, [this, alive = std::weak_ptr(alive_), attempt = attempts_, why] {
    if (!alive.expired() && attempt == attempts_) lose(why);
  });
}

void PostgresConnection::give_up(const std::string& why) { lose_later(why); }

// --- Connecting ----------------------------------------------------------------------------------------------------

void PostgresConnection::connect() {
  state_ = State::resolving;
  addresses_.clear();
  resolved_ = 0;
  set_due(Clock::now() + options_.connect_timeout);
  resolve();
}

void PostgresConnection::resolve() {
  for (; resolved_ != options_.url.hosts.size(); ++resolved_) {
    const PostgresUrl::Host& host = options_.url.hosts[resolved_];
    error_code not_numeric;
    (void)asio::ip::make_address(host.name, not_numeric);
    if (!host.is_socket_folder() && !options_.url.has("hostaddr") && not_numeric)
      return resolver_.async_resolve(host.name, "", bound(&PostgresConnection::on_resolved));
    addresses_.emplace_back(host, not_numeric ? "" : host.name);
  }
  if (addresses_.empty())
    return lose("there is no host of the name of postgres at " + options_.url.authority() +
                ": mend the source's url, or the name service");
  // One that swallows packets must not keep us from the next for ever.
  // Not std::ranges::rotate: clang 14 cannot compile the subrange of libstdc++ 12.
  std::rotate(addresses_.begin(), addresses_.begin() + static_cast<std::ptrdiff_t>(timeouts_ % addresses_.size()),
              addresses_.end());
  open_session();
}

void PostgresConnection::on_resolved(const error_code& error, const tcp::resolver::results_type& found) {
  if (!error)
    for (const auto& entry : found)
      addresses_.emplace_back(options_.url.hosts[resolved_], entry.endpoint().address().to_string());
  ++resolved_;
  resolve();
}

void PostgresConnection::open_session() {
  std::string hosts, numeric, ports;
  for (const auto& [host, address] : addresses_) {
    const char* comma = &host == &addresses_.front().first ? "" : ",";
    hosts += comma + host.name;
    numeric += comma + address;
    ports += comma + host.port;
  }
  std::vector<const char*> names = {"host", "port"}, values = {hosts.c_str(), ports.c_str()};
  if (!options_.url.has("hostaddr")) {
    names.push_back("hostaddr");
    values.push_back(numeric.c_str());
  }
  for (const auto& [name, value] : options_.url.parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  session_.reset(PQconnectStartParams(names.data(), values.data(), 0));
  if (!session_) return lose("no memory for a connection to postgres at " + options_.url.authority());
  PQsetNoticeProcessor(
      session_.get(), [](void*, const char*) noexcept {}, nullptr);
  PQsetErrorVerbosity(session_.get(), PQERRORS_VERBOSE);  // its texts then hold the SQLSTATE
  if (PQstatus(session_.get()) == CONNECTION_BAD)
    return lose(explain_postgres_connection(PQerrorMessage(session_.get()), options_.url));
  state_ = State::connecting;
  await_connecting(Wait::wait_write);
}

// libpq may go on with another socket after each step.
void PostgresConnection::await_connecting(Wait what) {
  error_code error;
  socket_.assign(PQsocket(session_.get()), error);
  if (error) return lose("postgres at " + options_.url.authority() + ": " + error.message());
  socket_.async_wait(what, [this, alive = std::weak_ptr(alive_), attempt = attempts_](const error_code& aborted) {
    if (!alive.expired() && attempt == attempts_ && !aborted) step();
  });
}

void PostgresConnection::step() {
  socket_.release();
  switch (PQconnectPoll(session_.get())) {
    case PGRES_POLLING_READING:
      return await_connecting(Wait::wait_read);
    case PGRES_POLLING_WRITING:
      return await_connecting(Wait::wait_write);
    case PGRES_POLLING_OK:
      return greet();
    default:
      return lose(explain_postgres_connection(PQerrorMessage(session_.get()), options_.url));
  }
}

void PostgresConnection::greet() {
  error_code error;
  socket_.assign(PQsocket(session_.get()), error);
  if (error || PQsetnonblocking(session_.get(), 1) != 0)
    return lose("postgres at " + options_.url.authority() + ": " + error.message());
  state_ = State::greeting;
  // Not a parameter of the connection: poolers refuse those.
  const std::string limit = "SET statement_timeout = " + std::to_string(options_.statement_timeout.count());
  asked_.push_back({{.text = limit}, [this](const PostgresAnswer& answer) {
                      if (answer.lost()) return;
                      if (!answer.ok()) return give_up(answer.message());
                      state_ = State::up;
                      error_.clear();
                      timeouts_ = 0;
                      visitor_.on_up();
                    }});
  await_readable();
  send_next();
}

// --- Queries -------------------------------------------------------------------------------------------------------

void PostgresConnection::query(PostgresQuery query, Done done) {
  if (state_ == State::up && asked_.size() < options_.queries_max) {
    asked_.push_back({std::move(query), std::move(done)});
    return send_next();
  }
  const std::string why = state_ == State::up ? "too many queries wait" : error_.empty() ? "not connected" : error_;
  asio::post(loop_, [alive = std::weak_ptr(alive_), why, done = std::move(done)] {
    if (!alive.expired()) done(PostgresAnswer(why));
  });
}

void PostgresConnection::send_next() {
  if (in_flight_ || asked_.empty() || !session_) return;
  const PostgresQuery& query = asked_.front().query;
  std::vector<const char*> values;
  for (const auto& value : query.values) values.push_back(value ? value->c_str() : nullptr);
  in_flight_ = true;
  set_due(Clock::now() + options_.answer_timeout);
  constexpr int binary = 1;
  if (PQsendQueryParams(session_.get(), query.text.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, binary) == 0)
    return lose_later(first_line(PQerrorMessage(session_.get())));
  flush();
}

void PostgresConnection::flush() {
  const int left = PQflush(session_.get());
  if (left < 0) return lose_later(first_line(PQerrorMessage(session_.get())));
  if (left == 0 || std::exchange(writing_, true)) return;
  socket_.async_wait(Wait::wait_write, bound(&PostgresConnection::on_writable));
}

void PostgresConnection::on_writable(const error_code& error) {
  writing_ = false;
  if (!error) flush();
}

void PostgresConnection::await_readable() {
  if (paused_ || std::exchange(reading_, true)) return;
  socket_.async_wait(Wait::wait_read, bound(&PostgresConnection::on_readable));
}

void PostgresConnection::resume_reading() {
  paused_ = false;
  if (state_ == State::greeting || state_ == State::up) await_readable();
}

void PostgresConnection::on_readable(const error_code& error) {
  reading_ = false;
  if (error || paused_) return;
  const std::weak_ptr alive = alive_;
  const std::uint64_t attempt = attempts_;
  if (PQconsumeInput(session_.get()) == 0)
    return lose("postgres at " + options_.url.authority() + ": " + first_line(PQerrorMessage(session_.get())));
  if (in_flight_) set_due(Clock::now() + options_.answer_timeout);  // it is answering
  take_notifications();
  if (!alive.expired() && attempt == attempts_) take_results();
  if (!alive.expired() && attempt == attempts_) await_readable();
}

void PostgresConnection::take_notifications() {
  const std::weak_ptr alive = alive_;
  const std::uint64_t attempt = attempts_;
  struct Free {
    void operator()(PGnotify* notification) const noexcept { PQfreemem(notification); }
  };
  while (const std::unique_ptr<PGnotify, Free> notification{PQnotifies(session_.get())}) {
    visitor_.on_notification(notification->extra, notification->be_pid == PQbackendPID(session_.get()));
    if (alive.expired() || attempt != attempts_) return;
  }
}

void PostgresConnection::take_results() {
  const std::weak_ptr alive = alive_;
  const std::uint64_t attempt = attempts_;
  while (in_flight_ && PQisBusy(session_.get()) == 0) {
    if (PGresult* result = PQgetResult(session_.get())) {
      PostgresAnswer answer(result);
      if (answer_.ok()) answer_ = std::move(answer);  // the first error tells most
      continue;
    }
    if (PQstatus(session_.get()) == CONNECTION_BAD)
      return lose("postgres at " + options_.url.authority() + ": " +
                  (answer_.ok() ? first_line(PQerrorMessage(session_.get())) : answer_.message()));
    take_notifications();  // those that came before the server was ready again
    if (alive.expired() || attempt != attempts_) return;
    in_flight_ = false;
    set_due(Clock::now() + options_.idle_check);
    const Asked asked = std::move(asked_.front());
    asked_.pop_front();
    const PostgresAnswer answer = std::exchange(answer_, {});
    asked.done(answer);
    if (alive.expired() || attempt != attempts_) return;
    send_next();
  }
}

// --- Time ----------------------------------------------------------------------------------------------------------

void PostgresConnection::set_due(Clock::time_point due) {
  due_ = due;
  if (armed_ <= due) return;  // fires before, and is then armed anew
  armed_ = due;
  timer_.expires_at(due);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (alive.expired() || error) return;
    armed_ = Clock::time_point::max();
    if (Clock::now() < due_) return set_due(due_);
    on_time();
  });
}

void PostgresConnection::on_time() {
  if (state_ == State::waiting) return connect();
  if (paused_ && state_ == State::up) return set_due(Clock::now() + options_.idle_check);  // its answer is not read
  if (state_ == State::up && !in_flight_) return query({}, [](const PostgresAnswer&) {});
  ++timeouts_;
  lose("postgres at " + options_.url.authority() +
       " does not answer: is it stopped, overloaded, or behind a firewall?");
}

}  // namespace sluice::source
