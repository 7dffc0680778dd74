#include <algorithm>
#include <utility>

#include "gateway/serve/event_stream.h"
#include "gateway/serve/publish.h"
#include "gateway/serve/socket.h"
#include "gateway/serve/worker.h"
#include "proto/check.h"

// The sources that live on a worker, and the way to those of the others and back. The rest: worker.cc.
namespace sluice::serve {

topic::Topics& Worker::add_topics(std::shared_ptr<topic::SharedSource> source, const topic::History& history) {
  return *services_.topics.emplace_back(std::make_unique<topic::Topics>(std::move(source), history));
}

void Worker::adopt(topic::SourceIndex source, std::unique_ptr<topic::Home> home,
                   std::unique_ptr<topic::Provider> provider) {
  std::unique_ptr<topic::Replays> replays;
  if (home->topics().replays())
    replays = std::make_unique<topic::Replays>(
        home->topics().format(),
        [&provider = *provider](const topic::ReadRequest& request, topic::ReadDone done) {
          provider.read(request, topic::ReadLimits{}, std::move(done));
        },
        [&home = *home] { return home.last(); }, topic::Replays::Limits{.in_flight = provider->reads_at_once()});
  own_sources_.push_back({source, std::move(home), std::move(provider), std::move(replays)});
}

// --- Sources, from any worker to their home and back ---------------------------------------------------------------

Worker::OwnSource& Worker::own_source(topic::SourceIndex source) {
  const auto found = std::ranges::find(own_sources_, source, &OwnSource::source);
  check(found != own_sources_.end(), "asked at the home of the source");
  return *found;
}

bool Worker::may_have(topic::SourceIndex source, std::string_view topic) const {
  return workers_[homes_[source]]->own_source(source).provider->may_have(topic);
}

bool Worker::has_wildcards(topic::SourceIndex source) const {
  return workers_[homes_[source]]->own_source(source).provider->has_wildcards();
}

template <typename StreamType>
StreamType* Worker::find(StreamAddress address) {
  const auto found = sockets_.find(address.connection);
  if (found == sockets_.end()) return nullptr;
  return dynamic_cast<StreamType*>(found->second->connection().find(address.stream));
}

bool Worker::is_open(StreamAddress stream) { return find<EventStream>(stream) != nullptr; }

void Worker::open(topic::SourceIndex source, const std::string& topic, StreamAddress asker) {
  if (!open_questions_.add({source, topic}, {asker})) return;
  const unsigned home = homes_[source];
  if (home == index_) return open_here(source, topic, index_);
  topic::Message ask;
  ask.call = [to = workers_[home], source, topic, from = index_] { to->open_here(source, topic, from); };
  send(home, std::move(ask));
}

void Worker::open_here(topic::SourceIndex source, const std::string& topic, unsigned worker) {
  OwnSource& own = own_source(source);
  if (!own.openings.add(topic, worker)) return;
  if (!own.home->find(topic) && !own.home->has_room(own.openings.count()))
    return tell_opened(source, topic, topic::OpenResult::too_many_topics);
  own.provider->open(topic, services_.now,
                     [this, source, topic](topic::OpenResult result) { tell_opened(source, topic, result); });
}

void Worker::tell_opened(topic::SourceIndex source, const std::string& topic, topic::OpenResult result) {
  for (const unsigned worker : own_source(source).openings.take(topic)) {
    if (worker == index_) {
      on_opened(source, topic, result);
      continue;
    }
    topic::Message answer;  // follows the `create` that every worker got before
    answer.call = [to = workers_[worker], source, topic, result] { to->on_opened(source, topic, result); };
    send(worker, std::move(answer));
  }
}

void Worker::on_opened(topic::SourceIndex source, const std::string& topic, topic::OpenResult result) {
  std::vector<Questions::Asker> askers = open_questions_.take({source, topic});
  if (result == topic::OpenResult::opened) return;  // they find its log when they try again
  // One of them may have asked in this call: told in a later turn, when it is found again by its address.
  post([this, askers = std::move(askers), result] {
    for (const Questions::Asker& asker : askers)
      if (auto* stream = find<EventStream>(asker.stream)) stream->on_open_result(result);
  });
}

void Worker::leave_openings() {
  for (const Question& left : open_questions_.drop_unwanted()) {
    const unsigned home = homes_[left.source];
    const auto leave = [to = workers_[home], left, from = index_] {
      to->own_source(left.source).openings.leave(left.what, from, to->services_.now);
    };
    if (home == index_) {
      leave();
      continue;
    }
    topic::Message message;
    message.call = leave;
    send(home, std::move(message));
  }
}

void Worker::read_here(topic::SourceIndex source, topic::ReadRequest&& request, topic::ReadDone done) {
  OwnSource& own = own_source(source);
  if (!own.replays) return done(nullptr);
  if (std::exchange(own.begun, own.home->begun_count()) != own.home->begun_count()) own.replays->forget();
  own.replays->want(std::move(request), services_.now, std::move(done));
}

void Worker::on_read(topic::SourceIndex source, const topic::ReadRequest& request, const topic::PagePtr& page) {
  for (const Questions::Asker& asker : page_questions_.take({source, request.key()}))
    if (auto* stream = find<EventStream>(asker.stream)) stream->on_page(asker.part, page);
}

void Worker::read(topic::SourceIndex source, topic::ReadRequest&& request, StreamAddress asker, std::size_t part) {
  if (!page_questions_.add({source, request.key()}, {asker, part})) return;
  const unsigned home = homes_[source];
  if (home == index_) {
    // Asked from inside a stream: the answer comes in a later turn, when it is found again by its address.
    topic::ReadRequest asked = request;
    read_here(source, std::move(asked), [this, source, request = std::move(request)](topic::PagePtr page) {
      post([this, source, request, page = std::move(page)] { on_read(source, request, page); });
    });
    return;
  }
  topic::Message ask;
  ask.call = [to = workers_[home], source, request = std::move(request), from = index_] {
    to->read_here(source, topic::ReadRequest(request), [to, source, request, from](topic::PagePtr page) {
      topic::Message answer;  // follows whatever the home has appended before
      answer.call = [asking = to->workers_[from], source, request, page = std::move(page)] {
        asking->on_read(source, request, page);
      };
      to->send(from, std::move(answer));
    });
  };
  send(home, std::move(ask));
}

void Worker::publish(topic::SourceIndex source, const std::string& topic, std::vector<topic::Event> events,
                     StreamAddress asker) {
  const auto answer_here = [this, asker](const topic::PublishResult& result) {
    if (auto* stream = find<PublishStream>(asker)) stream->on_published(result);
  };
  if (others_full()) {
    services_.metrics.limit_hits[observe::Limit::mailbox].add();
    return answer_here({.kind = topic::PublishResult::Kind::busy, .positions = {}});
  }
  const unsigned home = homes_[source];
  if (home == index_) return own_source(source).provider->publish(topic, std::move(events), services_.now, answer_here);
  topic::Message ask;
  ask.call = [to = workers_[home], source, topic, events = std::move(events), asker, from = index_]() mutable {
    to->own_source(source).provider->publish(topic, std::move(events), to->services_.now,
                                             [to, asker, from](topic::PublishResult result) {
                                               Worker* asking = to->workers_[from];
                                               topic::Message answer;
                                               answer.call = [asking, asker, result = std::move(result)] {
                                                 if (auto* stream = asking->find<PublishStream>(asker))
                                                   stream->on_published(result);
                                               };
                                               to->send(from, std::move(answer));
                                             });
  };
  send(home, std::move(ask));
}

void Worker::parse_bodies() {
  std::vector<StreamAddress>& bodies = services_.complete_bodies;
  std::size_t parsed = 0;
  for (; parsed != bodies.size() && services_.parsed_bytes < PublishStream::parsed_per_turn; ++parsed)
    if (auto* stream = find<PublishStream>(bodies[parsed])) stream->go_on();
  bodies.erase(bodies.begin(), bodies.begin() + static_cast<std::ptrdiff_t>(parsed));
  services_.parsed_bytes = 0;
}

void Worker::retry_opening() {
  std::uint64_t revision = 0;
  for (const auto& topics : services_.topics) revision += topics->revision();
  if (std::exchange(waiting_revision_, revision + 1) == revision + 1) return;  // no topic came: nobody can open
  std::vector<StreamAddress> waiting;
  waiting.swap(waiting_to_open_);
  for (const StreamAddress address : waiting)
    if (auto* stream = find<EventStream>(address); stream != nullptr && !stream->try_open())
      waiting_to_open_.push_back(address);
}

// --- When a source has something to do, and when it is to stop -----------------------------------------------------

void Worker::arm_sources() {
  topic::TimePoint due = topic::TimePoint::max();
  for (const OwnSource& own : own_sources_) due = std::min(due, own.provider->due());
  if (due == topic::TimePoint::max()) return;
  source_timer_.expires_at(due);
  source_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    mark_time();
    for (const OwnSource& own : own_sources_) own.provider->on_time(services_.now);
    arm_sources();
  });
}

// Backpressure: while a worker does not keep up, the sources whose home is here hold their engines.
void Worker::hold_sources() {
  if (own_sources_.empty()) return;
  const bool full = others_full();
  if (full == sources_paused_) return;
  sources_paused_ = full;
  for (const OwnSource& own : own_sources_) full ? own.provider->pause() : own.provider->go_on();
}

}  // namespace sluice::serve
