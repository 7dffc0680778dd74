// DiskLog: the history of a publish source on disk: a SQLite file that survives the process. Owned by a source; its
// calls come from one thread, its answers go to `post`. It never blocks a caller after its construction, and knows no
// topic log, no subscriber and no source.
// It has two threads: one commits all appends that wait in one transaction (so the slower the disk, the larger the
// groups), and takes what is too old in between; the other reads pages for who resumes. They hand over in this file.
// Invariant: an append answered as stored is as safe as DiskSync says, at the sequences that it was told; answers come
// in the order of the appends. What waits is bounded in bytes and in reads.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/source/disk_entry.h"
#include "gateway/source/disk_file.h"
#include "gateway/source/disk_reader.h"
#include "gateway/source/disk_retention.h"
#include "gateway/source/disk_topics.h"
#include "gateway/source/disk_writer.h"

namespace sluice::source {

class DiskLog {
 public:
  // Runs a call on the owner's thread, soon; any thread may ask. It may outlive the log: the calls need nothing of it.
  using Post = std::function<void(std::function<void()>)>;

  // Opens or makes the file. Throws std::runtime_error: path, what is wrong, remedy.
  DiskLog(const DiskOptions& options, Post post);
  ~DiskLog();
  DiskLog(const DiskLog&) = delete;
  DiskLog& operator=(const DiskLog&) = delete;

  // Of this history: an id of another epoch names no place in it.
  [[nodiscard]] const proto::Epoch& epoch() const { return file_.epoch(); }
  // The newest sequence when it was opened; 0: none. The next is one more.
  [[nodiscard]] DiskSequence last() const { return last_; }
  // What a start puts into the rings; blocking (load_newest). Throws std::runtime_error.
  std::vector<DiskTopic> load(const DiskLoadLimits& limits, const std::function<void(DiskEntry&&)>& each) const;

  // --- For who publishes
  // Adds the events to the topic, all or none. An event whose idempotency key its topic still has is not added again,
  // and answered with the place of the first; also when that one was appended just before and still waits: the
  // transaction itself decides, so there is nothing to look up first. False: too much waits, and `done` will not be
  // called.
  [[nodiscard]] bool append(std::string topic, std::vector<topic::Event> events, DiskTime time,
                            std::function<void(DiskAppended)> done);

  // --- For who resumes
  // False: too many reads wait, and `done` will not be called.
  [[nodiscard]] bool read(DiskQuery query, std::function<void(DiskPage)> done);

  // --- Retention, beside that of the options
  // The topic's entries up to this sequence go, soon.
  void trim(std::string topic, DiskSequence through);

  [[nodiscard]] DiskStatus status() const;
  // Ends what waits, answers it, and ends the threads; blocks for it. Takes nothing more from then on.
  void close();

 private:
  struct Append {
    DiskBatch batch;
    std::function<void(DiskAppended)> done;
  };
  struct Read {
    DiskQuery query;
    std::function<void(DiskPage)> done;
  };
  void write_all();
  void read_all();
  void write(std::vector<Append> appends);
  [[nodiscard]] DiskTime now() const;

  const DiskOptions options_;
  const Post post_;
  DiskFile file_;
  DiskTopics topics_;
  DiskWriter writer_;
  DiskRetention retention_;
  DiskReader reader_;
  const DiskSequence last_;
  std::string write_problem_;  // of the last transaction with appends; the writing thread's

  // --- What the threads share
  mutable std::mutex mutex_;
  std::condition_variable to_write_;
  std::condition_variable to_read_;
  std::vector<Append> appends_;
  std::vector<std::pair<std::string, DiskSequence>> trims_;
  std::deque<Read> reads_;
  DiskStatus status_;
  bool closing_ = false;

  std::thread writing_;
  std::thread reading_;
};

}  // namespace sluice::source
