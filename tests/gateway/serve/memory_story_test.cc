// Memory at 95 % of limits.memory, as its worker meets it once a second: who is ended, and who is not.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/gateway/serve/conversation.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Conversation;
using tests::Peer;

namespace {

void set_excess(Conversation& story, std::uint64_t bytes) { story.load_state.memory_excess.store(bytes); }

config::Config one_event_kept() {
  config::Config config = Conversation::default_config();
  config.sources[0].history.entries = 1;
  return config;
}

}  // namespace

TEST_CASE("while memory is nearly full who does not take most is cut first, one a second, and who reads goes on") {
  Conversation story;
  Peer &little = story.connect(), &much = story.connect(), &reader = story.connect();
  (void)little.get("/notes/little");
  (void)much.get("/notes/much");
  const auto read = reader.get("/all?topic=notes/little&topic=notes/much");
  little.make_room(0);
  much.make_room(0);
  story.publish("notes/little", "x");
  story.publish("notes/much", std::string(50'000, 'x'));
  story.pass(2s);
  CHECK_FALSE(much.closed());
  set_excess(story, 1'000'000);
  story.pass(1s);
  CHECK(much.closed());
  CHECK_FALSE(little.closed());
  story.pass(1s);
  CHECK(little.closed());
  story.pass(10s);
  story.publish("notes/much", "still here");
  CHECK(reader.events(read).size() == 3);
  CHECK(story.hits(observe::Limit::memory) == 2);
  CHECK(story.ended(observe::EndReason::slow) == 2);
  story.check_nothing_left();
}

TEST_CASE("no more is ended than memory is short of") {
  Conversation story;
  Peer &first = story.connect(), &second = story.connect();
  for (Peer* peer : {&first, &second}) {
    (void)peer->get("/notes/a");
    peer->make_room(0);
  }
  story.publish("notes/a", std::string(50'000, 'x'));
  story.pass(2s);
  set_excess(story, 0);
  story.pass(5s);
  CHECK(story.hits(observe::Limit::memory) == 0);
  set_excess(story, 1);
  story.pass(1s);
  CHECK(story.hits(observe::Limit::memory) == 1);
}

TEST_CASE("a reader that is slower than its events, but takes what is sealed for it, is not ended for memory") {
  Conversation story;
  Peer& peer = story.connect();
  const auto stream = peer.get("/notes/a");
  set_excess(story, 1'000'000);
  for (int second = 0; second != 10; ++second) {
    peer.make_room(0);
    story.publish("notes/a", std::string(20'000, 'x'));
    story.pass(1s);
    peer.make_room(SIZE_MAX);
  }
  CHECK(peer.events(stream).size() == 10);
  CHECK(story.hits(observe::Limit::memory) == 0);
}

TEST_CASE("a stream that stops inside an event which retention has let go ends; the others of its connection go on") {
  Conversation story(one_event_kept());
  Peer& peer = story.connect({.stream_window = 2'000, .returns_window = false});
  const auto stuck = peer.get("/notes/a"), quiet = peer.get("/notes/b");
  story.publish("notes/a", std::string(100'000, 'x'));
  set_excess(story, 1'000'000);
  story.pass(5s);
  CHECK_FALSE(peer.response(stuck).ended);  // the event is the log's, for everybody
  story.publish("notes/a", "the next");
  story.pass(1s);
  CHECK(peer.response(stuck).ended);
  CHECK(peer.response(stuck).code == 0);
  CHECK_FALSE(peer.response(quiet).ended);
  story.publish("notes/b", "still here");
  CHECK(peer.events(quiet).size() == 1);
  CHECK(story.hits(observe::Limit::memory) == 1);
  CHECK(story.ended(observe::EndReason::slow) == 1);
  story.check_nothing_left();
}

TEST_CASE("who only lags, in a log that all share, is never ended for memory") {
  Conversation story;
  Peer& peer = story.connect({.stream_window = 2'000, .returns_window = false});
  const auto slow = peer.get("/notes/a");
  for (int number = 0; number != 100; ++number) story.publish("notes/a", std::string(1'000, 'x'));
  set_excess(story, 1'000'000);
  story.pass(20s);
  CHECK_FALSE(peer.response(slow).ended);
  CHECK(story.hits(observe::Limit::memory) == 0);
}

TEST_CASE("a file that nobody takes is cut, so that nobody takes a part of it for the whole") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "sluice-memory-story";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "large.txt") << std::string(300'000, 'x');
  config::Config config = Conversation::default_config();
  config::Route files;
  files.path = "/files/**";
  files.files = folder;
  config.routes.push_back(files);
  {
    Conversation story(config);
    Peer& peer = story.connect({.stream_window = 2'000, .returns_window = false});
    const auto file = peer.get("/files/large.txt");
    set_excess(story, 1'000'000);
    story.pass(2s);
    CHECK(peer.response(file).code == static_cast<std::uint32_t>(proto::ErrorCode::cancel));
    CHECK(story.hits(observe::Limit::memory) == 1);
    story.check_nothing_left();
  }
  std::filesystem::remove_all(folder);
}
