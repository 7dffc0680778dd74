// What an id costs: its position once per event, the id of several sources once per delivery.
#include <array>
#include <string>

#include "bench/micro/measure.h"
#include "proto/event_id.h"

int main() {
  using namespace sluice;
  const proto::Epoch epoch = proto::Epoch::from_random(123'456'789);
  std::string text;
  bench::measure("write epoch and sequence", [&] {
    text.clear();
    proto::append_epoch_sequence(text, epoch, 901'234);
    bench::keep(text);
  });
  bench::measure("read epoch and sequence", [&] { bench::keep(proto::parse_epoch_sequence(text)); });

  const std::array<proto::IdPartView, 2> parts{{{"orders", "1795332250205-0"}, {"fleet", "k3fa9x.901234"}}};
  bench::measure("write the id of two sources", [&] {
    text.clear();
    proto::append_event_id(text, parts);
    bench::keep(text);
  });
  bench::measure("read the id of two sources", [&] { bench::keep(proto::parse_event_id(text)); });
}
