#include "gateway/topic/entry.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using topic::Entry;
using topic::EntryPtr;

TEST_CASE("an event is encoded once: its id line, then the rest") {
  struct Row {
    const char* name;
    const char *position, *type, *data;
    const char *id_line, *rest;
  };
  const Row rows[] = {
      {"one line", "abcdef.1", "", "hello", "id: abcdef.1\n", "data: hello\n\n"},
      {"a named event", "abcdef.2", "price", "7", "id: abcdef.2\n", "event: price\ndata: 7\n\n"},
      {"two lines", "abcdef.3", "", "a\nb", "id: abcdef.3\n", "data: a\ndata: b\n\n"},
      {"no data", "abcdef.4", "", "", "id: abcdef.4\n", "data: \n\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const EntryPtr entry = Entry::make({.position = row.position,
                                        .type = row.type,
                                        .data = row.data,
                                        .idempotency_key = "secret",
                                        .sequence = 9,
                                        .arrived = tests::epoch_of_tests});
    CHECK(entry->id_line() == row.id_line);
    CHECK(entry->rest() == row.rest);
    CHECK(entry->bytes() == std::string(row.id_line) + row.rest);
    CHECK(entry->position() == row.position);
    CHECK(entry->idempotency_key() == "secret");
    CHECK(entry->sequence() == 9);
    CHECK(entry->size() == entry->bytes().size());
    CHECK(entry->footprint() == sizeof(Entry) + entry->size() + 6);
  }
}

TEST_CASE("the publisher's id is not in the bytes that subscribers get") {
  CHECK(tests::make_entry(1, "x", "order-17")->bytes().find("order-17") == std::string_view::npos);
}

TEST_CASE("an entry lives as long as somebody holds it, on whatever thread") {
  EntryPtr first = tests::make_entry(1, std::string(200'000, 'x'));
  std::vector<std::thread> threads;
  for (int index = 0; index != 4; ++index)
    threads.emplace_back([entry = first] {
      for (int round = 0; round != 1000; ++round) {
        EntryPtr copy = entry;
        EntryPtr moved = std::move(copy);
        copy = moved;
      }
    });
  const std::size_t size = first->size();
  first.reset();
  CHECK_FALSE(first);
  for (std::thread& thread : threads) thread.join();
  CHECK(size > 200'000);
}
