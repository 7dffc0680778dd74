#include "gateway/serve/worker.h"

#include <malloc.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <random>

#include "gateway/observe/log.h"
#include "gateway/serve/load_watch.h"
#include "gateway/serve/shed.h"
#include "gateway/serve/socket.h"
#include "proto/check.h"

namespace sluice::serve {

namespace {
constexpr std::chrono::milliseconds tick_interval{100};
constexpr std::size_t slot_count = 10;  // each connection is looked at once per slot_count ticks
// Handlers per turn: a flood of requests on one connection does not keep appended events from going out.
constexpr int handlers_per_turn = 256;
// Nor do requests that are dear: the time is looked at after each few handlers.
constexpr int handlers_per_look = 4;
constexpr std::chrono::milliseconds turn_time{2};
// A round over fewer connections is not worth asking the time for.
constexpr std::size_t crowd = 32;
}  // namespace

Worker::Worker(unsigned index, const config::Config& config, const Rules& rules, observe::WorkerMetrics& metrics,
               const load::State& load_state)
    : index_(index),
      config_(config),
      mailbox_(config.limits.mailbox),
      services_(config, metrics, *this, load_state),
      router_(rules, services_),
      page_questions_([this](StreamAddress stream) { return is_open(stream); }),
      open_questions_([this](StreamAddress stream) { return is_open(stream); }),
      slots_(slot_count),
      handshakes_(config.limits.handshakes_per_turn) {
  mark_time();
  tell_retry();  // before the first second has passed
}

Worker::~Worker() {
  // A connection leaves the topics' logs when it goes; the sockets go before the services.
  for (auto& [id, socket] : sockets_) socket->close();
  io_.restart();
  io_.poll();
  sockets_.clear();
}

// --- Between workers -----------------------------------------------------------------------------------------------

void Worker::broadcast(const topic::Message& message) {
  for (unsigned worker = 0; worker != workers_.size(); ++worker)
    if (worker != index_) send(worker, topic::Message(message));
}

void Worker::send(unsigned worker, topic::Message&& message) {
  outboxes_.resize(workers_.size());
  Outbox& outbox = outboxes_[worker];
  if (message.entry) outbox.bytes += message.entry->footprint();
  outbox.messages.push_back(std::move(message));
}

void Worker::send_outboxes() {
  for (unsigned worker = 0; worker != outboxes_.size(); ++worker) {
    Outbox& outbox = outboxes_[worker];
    if (outbox.messages.empty()) continue;
    if (workers_[worker]->mailbox_.put(outbox.messages, outbox.bytes))
      boost::asio::post(workers_[worker]->io_, [] {});  // wakes the loop; the turn's end reads the mailbox
    outbox.bytes = 0;
  }
}

void Worker::post(std::function<void()> call) {
  std::vector<topic::Message> batch(1);
  batch.front().call = std::move(call);
  if (mailbox_.put(batch, 0)) boost::asio::post(io_, [] {});
}

void Worker::read_mailbox() {
  mailbox_.take(received_);
  for (topic::Message& message : received_) {
    if (message.kind == topic::Message::Kind::call)
      message.call();
    else
      services_.topics[message.source]->apply(std::move(message));
  }
  received_.clear();
}

std::uint64_t Worker::streams_elsewhere() const {
  std::uint64_t streams = 0;
  for (const Worker* worker : workers_)
    if (worker != this) streams += worker->load_.streams.load(std::memory_order_relaxed);
  return streams;
}

std::size_t Worker::body_bytes() const {
  std::int64_t bytes = 0;
  for (const Worker* worker : workers_) bytes += worker->services_.metrics.body_bytes.value();
  return static_cast<std::size_t>(bytes);
}

bool Worker::others_full() const {
  return std::ranges::any_of(workers_, [](Worker* worker) { return worker->mailbox_.full(); });
}

// --- Connections ---------------------------------------------------------------------------------------------------

void Worker::take(int descriptor, std::string remote, const proto::TlsContext& context, Handler* handler,
                  bool surplus) {
  mark_time();
  boost::asio::ip::tcp::socket socket(io_);
  boost::system::error_code error;
  const auto protocol = remote.front() == '[' ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4();
  socket.assign(protocol, descriptor, error);
  load_.connections.fetch_add(1, std::memory_order_relaxed);
  load_.handshakes.fetch_add(1, std::memory_order_relaxed);
  services_.metrics.connections.add(1);
  load_.turnover.fetch_add(1, std::memory_order_relaxed);
  services_.metrics.connections_opened.add();
  const std::uint64_t id = next_connection_++;
  auto owned = std::make_unique<Socket>(*this, id, std::move(socket), handler != nullptr ? *handler : router_, context,
                                        std::move(remote));
  if (surplus) owned->connection().set_surplus();
  if (const auto age = config_.limits.connection_age.count(); age != 0 && handler == nullptr)
    owned->drain_at = services_.now + std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(
                                          age * 9 / 10, age * 11 / 10)(services_.random));
  owned->slot = id % slot_count;
  owned->slot_index = slots_[owned->slot].size();
  slots_[owned->slot].push_back(owned.get());
  if (draining_) owned->drain_at = services_.now;
  Socket& taken = *owned;
  sockets_.emplace(id, std::move(owned));
  taken.await_readable();
}

void Worker::bury(std::uint64_t connection) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return;
  Socket& socket = *found->second;
  socket.close();
  if (!socket.idle()) return;  // its waits complete with an error and come back here
  if (socket.was_handshaking) load_.handshakes.fetch_sub(1, std::memory_order_relaxed);
  load_.connections.fetch_sub(1, std::memory_order_relaxed);
  services_.metrics.connections.add(-1);
  load_.turnover.fetch_add(1, std::memory_order_relaxed);
  services_.metrics.connections_closed.add();
  std::vector<Socket*>& slot = slots_[socket.slot];
  slot[socket.slot_index] = slot.back();
  slot[socket.slot_index]->slot_index = socket.slot_index;
  slot.pop_back();
  sockets_.erase(found);
}

void Worker::drain(std::chrono::milliseconds duration) {
  mark_time();
  draining_ = services_.draining = true;
  std::uniform_int_distribution<std::int64_t> within(0, std::max<std::int64_t>(duration.count(), 0));
  for (auto& [id, socket] : sockets_)
    socket->drain_at = std::min(socket->drain_at, services_.now + std::chrono::milliseconds(within(services_.random)));
  if (duration.count() == 0)
    for (auto& [id, socket] : sockets_) socket->connection().drain();
}

// --- The turn ------------------------------------------------------------------------------------------------------

void Worker::run() {
  arm_tick();
  arm_sources();
  while (!stopped_) {
    int handlers = 0;
    // Work left over from the last turn does not wait for a socket.
    if (services_.dirty.empty() && deferred_.empty() && services_.complete_bodies.empty())
      handlers += static_cast<int>(io_.run_one() != 0);
    mark_time();
    const topic::TimePoint until = services_.now + turn_time;
    while (handlers < handlers_per_turn && io_.poll_one() != 0)
      if (++handlers % handlers_per_look == 0) {
        mark_time();
        if (services_.now >= until) break;
      }
    end_turn();
  }
  for (const OwnSource& own : own_sources_) own.provider->stop();
}

void Worker::end_turn() {
  mark_time();
  handshakes_.begin_turn();
  if (!deferred_.empty()) {
    std::vector<std::uint64_t> waiting;
    waiting.swap(deferred_);
    for (const std::uint64_t id : waiting) {
      const auto found = sockets_.find(id);
      if (found == sockets_.end()) continue;
      if (handshakes_.has_room(services_.now))
        found->second->read();
      else
        deferred_.push_back(id);
      mark_time();
    }
  }
  parse_bodies();
  read_mailbox();
  wake_subscribers();
  if (!waiting_to_open_.empty()) retry_opening();
  hold_sources();
  send_outboxes();
  flush_dirty();
  send_outboxes();  // pages that streams have asked for while they were flushed
  load_.streams.store(services_.streams, std::memory_order_relaxed);
}

void Worker::wake_subscribers() {
  if (services_.now >= rounds_.rest_until()) {
    topic::TimePoint next = topic::TimePoint::max();
    for (const auto& topics : services_.topics) next = std::min(next, topics->wake(services_.now));
    if (next != topic::TimePoint::max()) wake_later(next);
  } else if (std::ranges::any_of(services_.topics, [](const auto& topics) { return topics->touched(); })) {
    wake_later(rounds_.rest_until());
  }
}

void Worker::wake_later(topic::TimePoint when) {
  if (when >= wake_due_) return;
  wake_due_ = when;
  rest_timer_.expires_at(when);
  rest_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) wake_due_ = topic::TimePoint::max();  // the turn's end wakes them
  });
}

void Worker::flush_dirty() {
  std::vector<Connection*> dirty;
  dirty.swap(services_.dirty);
  for (Connection* connection : dirty) connection->flush();
  if (dirty.size() >= crowd) rounds_.flushed(services_.now, std::chrono::steady_clock::now());
  for (Connection* connection : dirty)
    if (connection->dead()) bury(connection->id());
}

void Worker::arm_tick() {
  tick_due_ = std::chrono::steady_clock::now() + tick_interval;
  tick_.expires_at(tick_due_);
  tick_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    mark_time();
    services_.metrics.loop_lag.observe(services_.now - tick_due_);
    tell_load();
    // What completes after stop(), while the workers are destroyed one by one, finds nobody to tell or to ask.
    if (stopped_) return;
    if (load_watch_ != nullptr) load_watch_->on_tick(services_.now);
    on_tick();
    arm_tick();
  });
}

void Worker::on_tick() {
  std::uint32_t handshakes = 0;
  for (const Worker* worker : workers_) handshakes += worker->load_.handshakes.load(std::memory_order_relaxed);
  services_.handshakes_scarce = std::uint64_t{handshakes} * 4 >= std::uint64_t{config_.limits.handshakes} * 3;
  slot_ = (slot_ + 1) % slot_count;
  for (Socket* socket : slots_[slot_]) {
    socket->connection().on_time();
    if (socket->drain_at <= services_.now) socket->connection().drain();  // its age, or the drain's moment
  }
  if (draining_)
    for (auto& [id, socket] : sockets_)
      if (socket->drain_at <= services_.now) socket->connection().drain();
  if (slot_ == 0) on_second();
}

void Worker::on_second() {
  adjust_to_load();
  shed_memory();
  release_memory();
  waiting_revision_ = 0;  // who waits for a topic and has gone meanwhile is forgotten
  leave_openings();
  expire_topics();
  publish_gauges();
}

void Worker::expire_topics() {
  for (const auto& topics : services_.topics) topics->expire(services_.now);
  for (OwnSource& own : own_sources_) {
    own.home->expire(services_.now, [&own](const std::string& topic) { own.provider->on_topic_closed(topic); });
    if (own.replays) own.replays->expire(services_.now);
    if (const auto unwanted = own.openings.expire(services_.now, own.home->history().linger); !unwanted.empty())
      own.provider->stop_opening(unwanted);
  }
}

void Worker::publish_gauges() {
  std::size_t entries = 0, footprint = 0, topics_count = 0;
  for (OwnSource& own : own_sources_) {
    entries += own.home->topics().entry_count();
    footprint += own.home->topics().footprint();
    topics_count += own.home->topics().topic_count();
    services_.metrics.events_published.add(own.home->appended_count() - own.counted);
    own.counted = own.home->appended_count();
  }
  services_.metrics.history_entries.set(static_cast<std::int64_t>(entries));
  services_.metrics.history_bytes.set(static_cast<std::int64_t>(footprint));
  services_.metrics.topics.set(static_cast<std::int64_t>(topics_count));
  services_.metrics.mailbox_bytes.set(static_cast<std::int64_t>(mailbox_.bytes()));
}

void Worker::tell_load() {
  using std::memory_order_relaxed;
  load_.cpu_ns.store(thread_cpu_ns(), memory_order_relaxed);
  load_.lag_ns.store(
      static_cast<std::uint64_t>(std::max<topic::TimePoint::rep>((services_.now - tick_due_).count(), 0)),
      memory_order_relaxed);
  load_.backlog_bytes.store(services_.backlog_bytes, memory_order_relaxed);
  load_.sent_bytes.store(services_.metrics.bytes_sent.value(), memory_order_relaxed);
  load_.subscribe_ns.store(services_.arrivals.subscribe_ns, memory_order_relaxed);
  load_.subscribes.store(services_.arrivals.subscribes, memory_order_relaxed);
  load_.replay_bytes.store(services_.arrivals.replay_bytes, memory_order_relaxed);
}

void Worker::adjust_to_load() {
  // The last to be ended come back like the first: the fewer are left, the less time they would be given.
  if (draining_) return;
  const load::State& state = services_.load;
  const double rate = state.accept_rate.load(std::memory_order_relaxed);
  services_.retry.adjust({.load_percent = state.percent.load(std::memory_order_relaxed),
                          .streams = state.streams.load(std::memory_order_relaxed),
                          .accept_rate = rate},
                         services_.now);
  services_.admission.set_rate(rate / static_cast<double>(std::max<std::size_t>(workers_.size(), 1)));
  tell_retry();
}

void Worker::tell_retry() {
  services_.metrics.retry_low_ms.set(services_.retry.interval().low.count());
  services_.metrics.retry_high_ms.set(services_.retry.interval().high.count());
  services_.metrics.retry_truncated.set(services_.retry.truncated() ? 1 : 0);
}

// Each worker gives back its part of what is too much.
void Worker::shed_memory() {
  const std::uint64_t excess = services_.load.memory_excess.load(std::memory_order_relaxed);
  if (excess == 0) return;
  std::vector<Connection*> connections;
  for (const auto& [id, socket] : sockets_) connections.push_back(&socket->connection());
  const Shed shed = serve::shed_memory(connections, excess / std::max<std::size_t>(workers_.size(), 1) + 1);
  if (shed.connections == 0) return;
  observe::log_event(
      observe::Level::warning, "memory nearly full: ended who held most for a peer that does not read",
      {{"worker", index_}, {"connections", shed.connections}, {"held_bytes", shed.bytes}, {"excess_bytes", excess}});
}

// One worker does it for the whole process.
void Worker::release_memory() {
  if (index_ != 0) return;
  std::uint64_t turnover = 0;
  for (const Worker* worker : workers_) turnover += worker->load_.turnover.load(std::memory_order_relaxed);
  if (free_memory_.due(turnover, services_.now)) ::malloc_trim(0);
}

}  // namespace sluice::serve
