// Merge: several topics of one stream read as one, and any topic whose past is read from pages: entries of one position
// space (a *part*: a source, or one topic where each has positions of its own) in its order, those of different parts
// as they arrived. Owned by an EventStream, on its worker's thread. It asks nobody: take_want() says what to read,
// on_page() brings it.
// With one part an entry's own id is the stream's; with several the stream has an id line of its own, one piece per
// part, and sends only the rest of the entry.
// A topic may begin with a round, or be given one when it has fallen behind: it is sent whole, before anything else.
// Invariant: the id last rendered names, for each part, a position up to which every topic of it has been sent or its
// loss announced. A gap therefore comes before any event, and moves the id to its last lost position only as far as no
// other topic is behind: a client that comes back before that is told of it again (ARCHITECTURE.md).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gateway/topic/cursor.h"
#include "gateway/topic/page.h"
#include "gateway/topic/round.h"
#include "gateway/topic/start.h"
#include "proto/byte_buffer.h"

namespace sluice::topic {

class Merge {
 public:
  explicit Merge(Subscriber& subscriber) : subscriber_(subscriber) {}
  Merge(const Merge&) = delete;
  Merge& operator=(const Merge&) = delete;

  // Adds the topics of one part, or more of the last one; the caller has joined the logs. `start` is ready or a replay;
  // `position`: the id's piece until something is sent. `page`: a replay's first, when it is here already.
  void add(Topics& topics, std::span<TopicLog* const> logs, const PartStart& start, std::string_view position,
           PagePtr page = {});
  // --- By value
  // The topic of this log begins with that round; after add(), before render().
  void begin_with(const TopicLog& log, RoundPtr round);
  // Topics that are more entries behind go on with what has changed meanwhile, as far as that is known. 0: none does.
  void conflate_above(std::uint64_t lag) { conflate_above_ = lag; }

  // Leaves every log.
  void leave(TimePoint now);

  // Appends at most `room` bytes of what comes next. Returns the number of entries (and gaps) completed.
  std::uint32_t render(std::size_t room, ByteBuffer& out);
  // There is something to render.
  [[nodiscard]] bool pending();
  // Between two events: other text may be sent.
  [[nodiscard]] bool at_boundary() const { return current_ == nullptr && !replayed_ && text_.empty(); }
  [[nodiscard]] std::size_t current_rest() const;
  // Ends what render() may give to the rest of the event that has begun.
  void stop() { stopped_ = true; }
  // The stream's id now.
  [[nodiscard]] std::string id() const;
  [[nodiscard]] std::vector<std::string_view> topic_names() const;
  [[nodiscard]] std::uint32_t gap_count() const { return gaps_; }
  // Entries that rounds stood for and that were not sent.
  [[nodiscard]] std::uint64_t take_conflated() { return std::exchange(conflated_, 0); }
  // Retention has taken entries that a topic had still to send, and nobody reads them from elsewhere.
  [[nodiscard]] bool has_lost() const;
  // Memory that it keeps: its share of its pages, and of entries that retention has let go.
  [[nodiscard]] std::size_t held_bytes() const;

  // --- The past
  struct Want {
    std::size_t part = 0;
    Topics* topics = nullptr;
    ReadRequest request;
  };
  // A page that render() waits for, each once.
  [[nodiscard]] std::optional<Want> take_want();
  // nullptr: it is not to be had; the part goes on at the oldest in its ring, announced.
  void on_page(std::size_t part, PagePtr page);
  // Its logs were touched: remembers what a part that has just fallen out of a ring missed first, while the logs know.
  void remember_missed();
  // One topic, in its ring, between two events: a cursor of the stream's own does the same for less.
  [[nodiscard]] bool is_single() const;
  // Where that cursor goes on.
  [[nodiscard]] const Cursor& single() const { return members_.front().cursor; }
  [[nodiscard]] Topics& single_topics() const { return *parts_.front().topics; }
  // Gives the one log up to it: who joined it stays joined.
  void release_single();

 private:
  struct Replay {
    PagePtr page;  // being sent; nullptr: awaited
    std::size_t next = 0;
    std::string after;             // what the next page follows; empty: from the oldest
    std::optional<GapReason> gap;  // to be announced before the page's entries, ...
    std::string gap_from;          // ... and from where
    std::string missed = {};       // Part::missed when it fell behind
    bool asked = false;
  };
  struct Part {
    Topics* topics;
    std::string name;  // in ids over several parts
    std::string position;
    std::string resumed;      // entries that a stream at this position has had are skipped; empty: none are
    std::uint32_t beginning;  // for which `resumed` and the replay hold
    std::string base = {};    // where its oldest round was taken: its place while it has no position
    Sequence base_through = 0;
    std::string missed = {};  // its first entry that a ring has lost and it has not had; empty: none, or not known
    bool is_unknown = false;  // its source has never had `position`, which compares to nothing
    std::unique_ptr<Replay> replay;
  };
  struct Member {  // one topic
    std::size_t part;
    Cursor cursor;
    std::optional<GapReason> gap;  // at the start
    std::string gap_from;
    RoundPtr round;  // what comes before the cursor's entries: its values
    std::size_t round_next = 0;
    Sequence before_round = 0;  // the last entry sent then
    [[nodiscard]] bool has_gap() const { return gap.has_value() || cursor.has_gap(); }
    // Its place in the source's order; nullopt: nothing to send.
    [[nodiscard]] std::optional<Sequence> next() const;
  };
  struct Choice {
    Member* member = nullptr;  // nullptr with `part`: that part's replay
    Part* part = nullptr;
    TimePoint arrived{};
  };
  // Whose entry or gap comes next.
  [[nodiscard]] Choice select();
  // The best of one part's members, which stand from `first` on.
  [[nodiscard]] Choice select_live(std::size_t first, std::size_t count);
  void begin_round(Member& member, RoundPtr round);
  // Its last entry was sent: the event that closes it.
  void close_round(Member& member);
  // Where one of a part's topics is that far behind, begins rounds for all of them that have something to send: they
  // have one id, and after a cut it must not lead another back to values older than it had.
  void conflate(Part& part, std::size_t first, std::size_t count);
  void announce_gap(Member& member);
  void announce_gap(Part& part);
  // Whether the page says that the part has lost something.
  [[nodiscard]] static bool tells_loss(const Part& part, const Page& page);
  // Begins to read what the part's rings no longer have.
  void fall_behind(Part& part);
  // Out of its page: goes over to the rings, or wants the next page.
  void end_page(Part& part);
  [[nodiscard]] bool enter_rings(Part& part);
  // The newest entry that any of its rings has lost.
  [[nodiscard]] Sequence evicted_through(const Part& part) const;
  void skip_had(const Part& part, Member& member) const;
  void skip_had(const Part& part, Replay& replay) const;
  // Whether its source, or its one topic, has begun anew since the part's position was good; forgets what the part has
  // had then. Of a topic only its log may know: its replay goes on where the new one begins, behind a gap.
  bool began_anew(Part& part);
  // The part's one topic, where each topic has positions of its own.
  [[nodiscard]] const Member* only_member(const Part& part) const;
  [[nodiscard]] std::uint32_t beginning(const Part& part) const;
  // Whether the loss that its cursor stands at is announced at that position for another topic of the part as well.
  [[nodiscard]] bool is_announced_again(const Member& member) const;
  // Copies what it can of the text or the entry that has begun; returns how much, and adds to `completed` what it
  // ended.
  std::size_t copy_begun(std::size_t room, ByteBuffer& out, std::uint32_t& completed);
  // Chooses what comes next. False: nothing.
  bool begin_next();
  void begin_replayed(Part& part);
  void begin_live(Part& part, Member& member);
  // Writes the id line where the entry's own is not the stream's; returns how much of the entry is not to be sent.
  std::uint32_t begin_entry(Part& part, const Entry& entry);
  // Moves the id of a part to the last position that any of its topics has lost, as far as no topic is behind it.
  void advance(Part& part);
  // The same to `through`, which stands at `position`.
  void advance(Part& part, Sequence through, std::string_view position);

  Subscriber& subscriber_;
  std::vector<Part> parts_;
  std::deque<Member> members_;  // by part; a cursor does not move
  Member* current_ = nullptr;   // whose entry is partly sent
  EntryPtr replayed_;           // the page's entry that is partly sent
  std::uint32_t replayed_sent_ = 0;
  std::string text_;  // an id line or a gap, partly sent
  std::size_t text_sent_ = 0;
  std::uint32_t gaps_ = 0;
  std::uint64_t conflate_above_ = 0, conflated_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::topic
