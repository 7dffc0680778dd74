#include "gateway/source/disk_writer.h"

#include "proto/check.h"

namespace sluice::source {

DiskWriter::DiskWriter(SqliteDatabase& database, DiskTopics& topics)
    : database_(database),
      topics_(topics),
      insert_(database,
              "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?) "
              "ON CONFLICT(topic, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING"),
      find_key_(database, "SELECT sequence FROM entries WHERE topic = ? AND idempotency_key = ?") {}

std::vector<DiskAppended> DiskWriter::append(const std::vector<DiskBatch>& batches) {
  std::vector<DiskAppended> answers(batches.size());
  DiskSequence last = topics_.last();
  database_.begin();
  for (std::size_t index = 0; index < batches.size(); ++index) insert(batches[index], last, answers[index]);
  if (database_.commit()) {
    topics_.keep();
    return answers;
  }
  topics_.drop();
  const SqliteProblem problem = database_.roll_back();
  const auto kind = problem.no_space ? DiskAppended::Kind::full : DiskAppended::Kind::failed;
  answers.assign(batches.size(), {.kind = kind, .problem = problem.text});
  return answers;
}

void DiskWriter::insert(const DiskBatch& batch, DiskSequence& last, DiskAppended& answer) {
  const DiskTopics::Topic& topic = topics_.open(batch.topic);
  std::size_t added = 0;
  answer.places.reserve(batch.events.size());
  for (const topic::Event& event : batch.events) {
    std::optional<std::string> idempotency_key;
    if (!event.idempotency_key.empty()) idempotency_key = event.idempotency_key;
    insert_
        .with(last + 1, topic.id, batch.time.count(), std::string_view(event.type), SqliteBytes{event.data},
              idempotency_key, event.key)
        .run();
    if (database_.failed()) return;
    if (database_.changed() == 1) {
      answer.places.push_back({.sequence = ++last});
      ++added;
      continue;
    }
    const auto first = find_key_.with(topic.id, std::string_view(event.idempotency_key)).number();
    if (database_.failed()) return;
    check(first.has_value(), "an insert is refused only for a key that is there");
    answer.places.push_back({.sequence = static_cast<DiskSequence>(*first), .repeated = true});
  }
  topics_.added(topic, added, last);
}

}  // namespace sluice::source
