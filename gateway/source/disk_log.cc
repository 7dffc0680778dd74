#include "gateway/source/disk_log.h"

#include <numeric>
#include <utility>

#include "gateway/source/disk_load.h"

namespace sluice::source {
namespace {

// 4 MiB in the write-ahead log, then its pages move into the file: after the answers, so that no publisher waits.
constexpr int log_pages_max = 1'000;

// What an append holds in memory while it waits, about.
std::size_t size_of(const DiskBatch& batch) {
  return std::accumulate(batch.events.begin(), batch.events.end(), sizeof batch + batch.topic.size(),
                         [](std::size_t size, const topic::Event& event) {
                           return size + sizeof event + event.type.size() + event.data.size() +
                                  event.idempotency_key.size() + (event.key ? event.key->size() : 0);
                         });
}

}  // namespace

DiskLog::DiskLog(const DiskOptions& options, Post post)
    : options_(options),
      post_(std::move(post)),
      file_(options),
      topics_(file_.writing()),
      writer_(file_.writing(), topics_),
      retention_(file_.writing(), topics_, options),
      reader_(file_.connect_reading()),
      last_(topics_.last()) {
  status_.entries = topics_.entry_count();
  status_.bytes = retention_.bytes();
  file_.check_opened(file_.writing());
  file_.check_opened(reader_.database());
  writing_ = std::thread([this] { write_all(); });
  reading_ = std::thread([this] { read_all(); });
}

DiskLog::~DiskLog() { close(); }

std::vector<DiskTopic> DiskLog::load(const DiskLoadLimits& limits, const std::function<void(DiskEntry&&)>& each) const {
  const std::unique_ptr<SqliteDatabase> database = file_.connect_reading();
  std::vector<DiskTopic> topics = load_newest(*database, limits, each);
  file_.check_opened(*database);
  return topics;
}

bool DiskLog::append(std::string topic, std::vector<topic::Event> events, DiskTime time,
                     std::function<void(DiskAppended)> done) {
  Append append{{.topic = std::move(topic), .time = time, .events = std::move(events)}, std::move(done)};
  const std::size_t size = size_of(append.batch);
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return false;
    if (status_.queued_bytes != 0 && status_.queued_bytes + size > options_.queue_bytes) return false;
    status_.queued_bytes += size;
    appends_.push_back(std::move(append));
  }
  to_write_.notify_one();
  return true;
}

bool DiskLog::read(DiskQuery query, std::function<void(DiskPage)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || reads_.size() >= options_.reads) return false;
    reads_.push_back({std::move(query), std::move(done)});
  }
  to_read_.notify_one();
  return true;
}

void DiskLog::trim(std::string topic, DiskSequence through) {
  {
    const std::lock_guard lock(mutex_);
    trims_.emplace_back(std::move(topic), through);
  }
  to_write_.notify_one();
}

DiskStatus DiskLog::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void DiskLog::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  to_write_.notify_one();
  to_read_.notify_one();
  if (reading_.joinable()) reading_.join();
  if (writing_.joinable()) writing_.join();
}

// --- The writing thread

void DiskLog::write_all() {
  bool more_to_take = true;
  std::unique_lock lock(mutex_);
  while (true) {
    const auto asked = [this] { return closing_ || !appends_.empty() || !trims_.empty(); };
    if (!more_to_take) to_write_.wait_for(lock, options_.sweep, asked);
    if (closing_ && appends_.empty()) break;
    std::vector<Append> appends = std::exchange(appends_, {});
    for (auto& [topic, through] : std::exchange(trims_, {})) retention_.trim(std::move(topic), through);
    lock.unlock();

    if (!appends.empty()) write(std::move(appends));
    more_to_take = retention_.step(now());
    const std::string& problem = write_problem_.empty() ? retention_.problem() : write_problem_;
    // What is in the file leaves room in the log: without it a log that could not grow would fail for ever.
    if (file_.writing().log_pages() > log_pages_max || !problem.empty()) file_.writing().checkpoint();

    lock.lock();
    status_.entries = topics_.entry_count();
    status_.bytes = retention_.bytes();
    status_.problem = problem;
  }
  lock.unlock();
  file_.settle();
}

// One transaction, then all answers in one call.
void DiskLog::write(std::vector<Append> appends) {
  std::vector<DiskBatch> batches;
  batches.reserve(appends.size());
  std::size_t size = 0;
  for (Append& append : appends) {
    size += size_of(append.batch);
    batches.push_back(std::move(append.batch));
  }
  const DiskSequence last = topics_.last();
  std::vector<DiskAppended> answers = writer_.append(batches);
  write_problem_ = answers.front().problem;
  for (const DiskBatch& batch : batches) retention_.added(batch.topic);
  {
    const std::lock_guard lock(mutex_);
    status_.queued_bytes -= size;
    status_.appended += topics_.last() - last;
    status_.entries = topics_.entry_count();
    status_.problem = write_problem_;
    if (write_problem_.empty()) ++status_.commits;
  }
  post_([appends = std::move(appends), answers = std::move(answers)]() mutable {
    for (std::size_t index = 0; index < appends.size(); ++index) appends[index].done(std::move(answers[index]));
  });
}

DiskTime DiskLog::now() const {
  if (options_.now) return options_.now();
  return std::chrono::duration_cast<DiskTime>(std::chrono::system_clock::now().time_since_epoch());
}

// --- The reading thread

void DiskLog::read_all() {
  std::unique_lock lock(mutex_);
  while (true) {
    to_read_.wait(lock, [this] { return closing_ || !reads_.empty(); });
    if (reads_.empty()) return;
    Read read = std::move(reads_.front());
    reads_.pop_front();
    lock.unlock();
    post_([page = reader_.read(read.query), done = std::move(read.done)]() mutable { done(std::move(page)); });
    lock.lock();
  }
}

}  // namespace sluice::source
