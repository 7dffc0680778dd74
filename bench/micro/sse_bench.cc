// What an event costs as text: written once per event, read once per delivery by the load generator.
#include <string>
#include <string_view>

#include "bench/micro/measure.h"
#include "proto/sse.h"

namespace {

using namespace sluice;

class Counter final : public proto::sse::ParserVisitor {
 public:
  void on_event(const proto::sse::EventView& event) override { bytes += event.data.size(); }
  std::size_t bytes = 0;
};

void encode(const char* name, const std::string& data) {
  bench::measure(name, [&] {
    std::string bytes;
    proto::sse::append_id(bytes, "k3fa9x.1234");
    proto::sse::append_event(bytes, "", data);
    bench::keep(bytes);
  });
}

void parse(const char* name, std::size_t data_size) {
  constexpr int events = 1000;
  std::string bytes;
  for (int event = 0; event < events; ++event) {
    proto::sse::append_id(bytes, "k3fa9x." + std::to_string(event));
    proto::sse::append_event(bytes, "", std::string(data_size, 'x'));
  }
  Counter counter;
  proto::sse::Parser parser(counter);
  // As they come out of TLS records.
  constexpr std::size_t record_size = 16'384;
  bench::measure(
      name,
      [&] {
        for (std::size_t from = 0; from < bytes.size(); from += record_size)
          (void)parser.feed(std::string_view(bytes).substr(from, record_size));
        bench::keep(counter.bytes);
      },
      events);
}

}  // namespace

int main() {
  encode("encode an event of 100 B, with its id", std::string(100, 'x'));
  encode("encode an event of 1 KB, with its id", std::string(1000, 'x'));
  std::string lines;
  while (lines.size() < 1000) lines += "nineteen characters\n";
  encode("encode an event of 1 KB in 51 lines", lines);
  parse("parse an event of 100 B", 100);
  parse("parse an event of 1 KB", 1000);
}
