#include "gateway/source/redis_connection.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

#include "gateway/source/redis_errors.h"
#include "proto/check.h"

namespace sluice::source {
namespace asio = boost::asio;
using boost::system::error_code;
using client::CloseReason;
using proto::RedisReply;

namespace {

constexpr std::size_t kept_capacity_max = 64 * 1024;  // of the buffer for outgoing commands between turns
constexpr std::uint8_t tls_alert = 0x15;              // RFC 8446 §5.1: how a TLS server answers plain text

// RESP2 has no type for a push: a message is an array that begins so.
bool is_message(const RedisReply& reply) {
  if (!reply.is_array() || reply.elements.empty()) return false;
  const std::string& kind = reply.elements.front().text;
  return (kind == "message" && reply.elements.size() == 3) || (kind == "pmessage" && reply.elements.size() == 4);
}

}  // namespace

RedisConnection::RedisConnection(asio::io_context& loop, client::ReadBuffers& buffers, RedisVisitor& visitor,
                                 Options options)
    : loop_(loop),
      visitor_(visitor),
      options_(std::move(options)),
      connection_(loop, buffers, *this),
      timer_(loop),
      backoff_(options_.seed, options_.backoff_least, options_.backoff_most) {
  check(!options_.url.tls || options_.tls != nullptr, "rediss:// has a TLS context");
}

RedisConnection::~RedisConnection() = default;

// --- What its owner asks for ---------------------------------------------------------------------------------------

void RedisConnection::start() {
  if (state_ == State::stopped) connect();
}

void RedisConnection::stop() {
  state_ = State::stopped;
  connection_.close();
  timer_.cancel();
  armed_until_ = Clock::time_point::max();
  outgoing_.release();
  for (Command& command : std::exchange(in_flight_, {}))
    post_answer(std::move(command.done), asio::error::operation_aborted);
}

void RedisConnection::command(std::span<const std::string_view> words, Done done, Milliseconds block) {
  ask(words, std::move(done), block, 1);
}

void RedisConnection::subscribe(std::span<const std::string_view> words, Done done) {
  check(words.size() > 1, "a subscription names its channels");
  subscribed_ = subscribed_ || up();
  ask(words, std::move(done), Milliseconds(0), words.size() - 1);
}

void RedisConnection::transaction(std::span<const std::vector<std::string_view>> commands, Done done) {
  if (!up()) return post_answer(std::move(done), asio::error::not_connected);
  const std::size_t count = commands.size();
  if (is_full(count + 2)) return post_answer(std::move(done), asio::error::no_buffer_space);
  const auto refusal = std::make_shared<RedisReply>();
  const Done note = [refusal](const boost::system::result<RedisReply>& reply) {
    if (reply && reply->is_error() && !refusal->is_error()) *refusal = *reply;
  };
  add(std::vector<std::string_view>{"MULTI"}, note, Milliseconds(0), 1);
  for (const std::vector<std::string_view>& words : commands) add(words, note, Milliseconds(0), 1);
  const Done executed = [refusal, count, done = std::move(done)](boost::system::result<RedisReply> reply) {
    if (!reply) return done(std::move(reply));
    if (!refusal->is_error() && !reply->is_error() && reply->elements.size() != count)
      *refusal = {RedisReply::Kind::error, 0, "EXEC answered another number of replies than was asked for", {}};
    done(refusal->is_error() ? std::move(*refusal) : std::move(*reply));
  };
  add(std::vector<std::string_view>{"EXEC"}, executed, Milliseconds(0), 1);
  flush_later();
}

void RedisConnection::pause_reading() {
  paused_ = true;
  connection_.pause_reading();
}

void RedisConnection::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  connection_.resume_reading();
  heard_ = Clock::now();
  arm();
  asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {  // what was read before the pause
    if (!alive.expired()) take_replies();
  });
}

void RedisConnection::ask(std::span<const std::string_view> words, Done done, Milliseconds block, std::size_t answers) {
  if (!up()) return post_answer(std::move(done), asio::error::not_connected);
  if (is_full(1)) return post_answer(std::move(done), asio::error::no_buffer_space);
  add(words, std::move(done), block, answers);
  flush_later();
}

bool RedisConnection::is_full(std::size_t commands) const {
  return in_flight_.size() + commands > options_.commands_max ||
         outgoing_.size() + connection_.unsent_size() > options_.unsent_bytes_max;
}

void RedisConnection::flush_later() {
  if (std::exchange(flush_posted_, true)) return;
  asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {  // the commands of one turn go together
    if (!alive.expired()) flush();
  });
}

void RedisConnection::post_answer(Done done, const error_code& error) {
  asio::post(loop_, [done = std::move(done), error, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) done(error);
  });
}

// --- Coming up -----------------------------------------------------------------------------------------------------

void RedisConnection::connect() {
  state_ = State::connecting;
  reader_ = std::make_unique<proto::RedisReader>(options_.reply);
  subscribed_ = paused_ = false;
  silent_ = true;
  connection_.connect({.host = options_.url.host,
                       .port = options_.url.port,
                       .tls = options_.url.tls ? options_.tls : nullptr,
                       .timeout = options_.connect_timeout});
}

void RedisConnection::on_open() {
  state_ = State::greeting;
  heard_ = Clock::now();
  greet();
}

// In one flight. PING is asked before CLIENT SETNAME, which a server may refuse: a server without room says so in its
// first reply, whatever was asked. It also tells of a missing password and of a server that is loading.
void RedisConnection::greet() {
  const RedisUrl& url = options_.url;
  greetings_ = 0;
  const auto say = [this](const std::vector<std::string_view>& words, std::optional<std::string_view> harmless) {
    ++greetings_;
    const Done done = [this, harmless](const auto& reply) { on_greeted(reply, harmless); };
    add(words, done, Milliseconds(0), 1);
  };
  if (!url.user.empty())
    say({"AUTH", url.user, url.password}, std::nullopt);
  else if (!url.password.empty())
    say({"AUTH", url.password}, std::nullopt);
  say({"PING"}, "NOPERM");  // who may not PING may still read
  if (url.database != 0) say({"SELECT", std::to_string(url.database)}, std::nullopt);
  say({"CLIENT", "SETNAME", options_.client_name}, "");
  flush();
}

void RedisConnection::on_greeted(const boost::system::result<RedisReply>& reply,
                                 std::optional<std::string_view> harmless) {
  if (!reply) return;  // lost: lose() has the reason
  if (reply->is_error() && !(harmless && reply->text.starts_with(*harmless)))
    return lose(explain_redis_refusal(reply->text, options_.url));
  if (--greetings_ > 0) return;
  state_ = State::up;
  ++up_count_;
  error_.clear();
  backoff_.reset();
  visitor_.on_up();
}

// --- Replies and commands ------------------------------------------------------------------------------------------

void RedisConnection::on_bytes(std::span<const std::uint8_t> bytes) {
  heard_ = Clock::now();
  silent_ = false;
  if (state_ == State::greeting && !options_.url.tls && bytes.front() == tls_alert)
    return lose("redis at " + options_.url.authority() + " wants TLS: write rediss:// in the source's url");
  reader_->feed(bytes);
  take_replies();
}

void RedisConnection::take_replies() {
  const std::weak_ptr alive(alive_);
  while (connected() && !paused_) {
    RedisReply* const reply = reader_->next();
    if (reply == nullptr) break;
    take(std::move(*reply));
    if (alive.expired()) return;
  }
  if (!connected()) return;
  if (!reader_->error().empty())
    return lose("redis at " + options_.url.authority() + " sent what is no answer of Redis: " + reader_->error());
  arm();
}

void RedisConnection::take(RedisReply&& reply) {
  if (subscribed_ && is_message(reply)) return visitor_.on_message(std::move(reply));
  if (in_flight_.empty())
    return lose("redis at " + options_.url.authority() +
                (reply.is_error() ? " says: " + reply.text : std::string(" answered what nobody had asked")));
  if (!reply.is_error() && --in_flight_.front().answers > 0) return;
  const Done done = std::move(in_flight_.front().done);
  in_flight_.pop_front();
  done(std::move(reply));
}

void RedisConnection::add(std::span<const std::string_view> words, Done done, Milliseconds block, std::size_t answers) {
  proto::append_redis_command(outgoing_, words);
  in_flight_.push_back({std::move(done), block, answers, Clock::now()});
  arm();
}

void RedisConnection::flush() {
  flush_posted_ = false;
  if (outgoing_.empty()) return;
  connection_.send(outgoing_.bytes());
  outgoing_.clear();
  if (outgoing_.capacity() > kept_capacity_max) outgoing_.release();
}

// --- Losses --------------------------------------------------------------------------------------------------------

void RedisConnection::on_closed(CloseReason why, const std::string& text) {
  std::string remedy;
  if (why == CloseReason::refused) remedy = ": is redis-server running there?";
  // A plain server takes a ClientHello for the beginning of a command, and waits for its end.
  if (why == CloseReason::tls_failed || why == CloseReason::tls_timed_out)
    remedy = ": if this port has no TLS, write redis:// in the source's url";
  const bool gone = why == CloseReason::ended || why == CloseReason::lost;
  if (gone && !options_.url.tls && state_ == State::greeting && silent_)
    remedy = " before it answered: if this port wants TLS, write rediss:// in the source's url";
  lose(text + remedy);
}

void RedisConnection::lose(std::string why) {
  connection_.close();
  state_ = State::waiting;
  error_ = std::move(why);
  attempt_at_ = Clock::now() + backoff_.next();
  arm();
  outgoing_.clear();
  const std::weak_ptr alive(alive_);
  for (Command& command : std::exchange(in_flight_, {})) {
    command.done(error_code(asio::error::connection_aborted));
    if (alive.expired()) return;
  }
  if (state_ == State::waiting) visitor_.on_down(error_);
}

// When on_time() has something to do.
RedisConnection::Clock::time_point RedisConnection::due() const {
  if (state_ == State::waiting) return attempt_at_;
  if (!connected() || paused_) return Clock::time_point::max();
  if (in_flight_.empty()) return heard_ + options_.ping_interval;
  const Command& next = in_flight_.front();
  return std::max(heard_, next.sent) + next.block + options_.answer_timeout;
}

// A time that moves away leaves the timer as it is: on_time() then arms it anew. So an answer costs no timer.
void RedisConnection::arm() {
  const Clock::time_point wanted = due();
  if (wanted >= armed_until_) return;
  armed_until_ = wanted;
  timer_.expires_at(wanted);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const error_code& error) {
    if (!error && !alive.expired()) on_time();
  });
}

void RedisConnection::on_time() {
  const Clock::time_point now = Clock::now();
  const bool late = now - std::exchange(armed_until_, Clock::time_point::max()) > options_.answer_timeout / 4;
  // A loop that was busy itself has not read what may have come meanwhile: the server gets its time anew.
  if (late) heard_ = now;
  if (now < due()) return arm();
  if (state_ == State::waiting) return connect();
  if (!in_flight_.empty())
    return lose("redis at " + options_.url.authority() + " did not answer within " +
                std::to_string((in_flight_.front().block + options_.answer_timeout).count()) + " ms");
  add(
      std::vector<std::string_view>{"PING"}, [](const auto&) {}, Milliseconds(0), 1);
  flush();
}

}  // namespace sluice::source
