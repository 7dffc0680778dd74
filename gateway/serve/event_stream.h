// EventStream: serves one text/event-stream: opens its topics, resumes by position, sends `sluice.open` first, then
// what its cursor (one topic) or merge (several) holds, gaps, heartbeats and a last `retry:` at entry boundaries.
// Pulled by its connection; never pushes. Owned by its connection, on its worker's thread. Invariant: between two
// events only whole blocks of its own (`own_text()`) are sent; an event is never cut by them.
//
// Flow: start() answers the head → try_open() until every topic is here → the first block → prepare()/write_body()
// whenever its log is touched or its window opens → on_closed() leaves the logs. Whoever is behind the ring of a source
// that replays reads pages through a merge, and has its own cursor back once it has caught up.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/serve/services.h"
#include "gateway/serve/stream.h"
#include "gateway/topic/cursor.h"
#include "gateway/topic/merge.h"

namespace sluice::serve {

// One topic asked for, by its full name or pattern.
struct TopicRef {
  topic::SourceIndex source = 0;
  std::string name;
};

// A valid request for an event stream.
struct Subscribe {
  const config::Route* route = nullptr;  // outlives the stream
  std::vector<TopicRef> topics;          // of one source one after the other; none is, or lies below, another
  std::string last_event_id;             // empty: none
  std::optional<std::chrono::system_clock::time_point> since;  // for who has no id
  std::vector<proto::Field> fields;                            // more fields for the head: CORS
  std::string path;                                            // for the access log
  config::End end = config::End::clean;                        // how an end that we cause looks
  std::optional<load::Admission::Refusal> busy;                // it may not open, and shall come back
};

class EventStream final : public Stream, private topic::Subscriber {
 public:
  EventStream(Services& services, Subscribe&& subscribe);
  ~EventStream() override;

  void start() override;
  Burst prepare(std::size_t room) override;
  void write_body(std::span<std::uint8_t> out) override;
  void on_time() override;
  void finish() override;
  [[nodiscard]] std::size_t held_bytes() const override;
  void let_go() override;
  void on_closed(EndReason reason) override;

  // A topic that it asked for was opened, or cannot be.
  void on_open_result(topic::OpenResult result);
  // Asks again for what is missing. True: open, or ended.
  bool try_open();
  // The page that it asked for: of the past of its topics; nullptr: there is none.
  void on_page(std::size_t part, topic::PagePtr page);

 private:
  struct Opening;  // what only an opening stream needs
  struct Account;
  struct Aside;
  void on_touched() override {
    if (cursor_.log() != nullptr && cursor_.has_gap()) remember_place();
    if (merge_) merge_->remember_missed();
    wake();
  }
  bool join_topics();
  void split_into_parts();
  bool find_starts();
  // Of a part that begins with a snapshot: whether its logs know all values; asks for what they lack.
  bool find_values(std::size_t part);
  // False: nothing is lost, or no place was asked for.
  bool begin_with_values(std::size_t part, std::optional<topic::GapReason> lost);
  void prepare_logs();
  void open();
  void open_single(const topic::Start& start, topic::SourceIndex source, topic::TopicLog& log,
                   const std::string& position);
  // A merge without topics.
  void open_merge();
  // Its route wants values instead of a long history, or an end instead of a loss.
  void apply_slow_policy();
  // Fell behind its log, whose source has the rest: keeps where, while the log still knows.
  void remember_place();
  void fall_behind();
  void ask_for_pages();
  void take_cursor_back();
  void append_open_block(std::string& text, std::string_view id, bool resumed,
                         const std::vector<std::string_view>& names);
  [[nodiscard]] Aside& aside();
  // Frees it when there is nothing in it.
  void tidy();
  [[nodiscard]] Opening* opening() const;
  // Blocks of its own that wait for an entry boundary.
  [[nodiscard]] std::string& own_text();
  [[nodiscard]] bool has_own_text() const { return aside_ != nullptr && own_rest() != 0; }
  [[nodiscard]] std::size_t own_rest() const;
  // Of its one topic.
  [[nodiscard]] topic::Topics& topics() const { return *services().topics[source_]; }
  // Several topics have no run of bytes to take: rendered now, copied by write_body().
  [[nodiscard]] Burst prepare_merged(std::size_t room);
  void announce_gap();
  void count_deliveries(std::uint32_t completed);
  [[nodiscard]] Services& services() const;
  // A burst of that size; the last one when the stream is ending and no more is to follow.
  [[nodiscard]] Burst ending(std::size_t size, bool more) const;
  void end_with(std::string_view event, std::string_view data, EndReason reason);
  void end_busy(const load::Admission::Refusal& refusal);
  // The time that it was given when it opened fits the load no longer: a new one goes before its next bytes.
  void renew_retry();
  // Stands between two events, and the next is there.
  [[nodiscard]] bool is_due();
  [[nodiscard]] std::uint32_t tick() const;  // milliseconds, wraps after 49 days: only differences count

  // An idle stream has the first alone, and an account: it is counted in bytes.
  topic::Cursor cursor_;                 // one topic
  std::unique_ptr<topic::Merge> merge_;  // several
  std::unique_ptr<Aside> aside_;
  std::unique_ptr<Account> account_;
  std::uint32_t sent_;              // a tick
  topic::SourceIndex source_ = 0;   // of cursor_
  std::uint8_t retry_edition_ = 0;  // load::RetryHints::edition() when it was given its reconnection time
  bool was_blocked_ : 1 = false, ending_ : 1 = false, end_reset_ : 1, resumed_ : 1 = false;
  bool conflates_ : 1, disconnects_ : 1;  // when it is slow: config::Slow
};

}  // namespace sluice::serve
