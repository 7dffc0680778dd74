#include "gateway/client/event_printer.h"

#include <doctest/doctest.h>

#include <sstream>

namespace sluice::client {
namespace {

TEST_CASE("an event is printed with its id, its type when it has one, and its data") {
  std::ostringstream out, err;
  EventPrinter printer(out, err, false);
  CHECK(printer.print({"message", "hello", "7"}));
  CHECK(printer.print({"price", "1\n2", "8"}));
  CHECK(printer.print({"message", "", ""}));
  CHECK(out.str() == "7  hello\n8  price  1\n    2\n\n");
  CHECK(err.str().empty());
}

TEST_CASE("what the gateway says about the stream does not mix with its data") {
  std::ostringstream out, err;
  EventPrinter printer(out, err, false);
  CHECK_FALSE(printer.print({"sluice.gap", R"({"count":3})", "9"}));
  CHECK(out.str().empty());
  CHECK(err.str() == "-- sluice.gap {\"count\":3}\n");
}

TEST_CASE("as JSON each event is one line, whatever is in it") {
  std::ostringstream out, err;
  EventPrinter printer(out, err, true);
  CHECK(printer.print({"price", "a\"b\\c\nd\te\x01", "7"}));
  CHECK_FALSE(printer.print({"sluice.open", "{}", ""}));
  CHECK(out.str() ==
        "{\"id\":\"7\",\"event\":\"price\",\"data\":\"a\\\"b\\\\c\\nd\\u0009e\\u0001\"}\n"
        "{\"event\":\"sluice.open\",\"data\":\"{}\"}\n");
}

}  // namespace
}  // namespace sluice::client
