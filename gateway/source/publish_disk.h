// PublishDisk: the publish source whose history is on disk: an event is answered, and reaches subscribers, only after
// the commit that has it; its id stays valid over restarts, and what is older than the rings is read from the file
// (docs/durability.md). A read that fails is told and tried again: a failure is no loss. Owned by its home worker, on
// its thread; the disk log's threads hand over through the context. Invariant: what is in a ring is in the file, at the
// same sequence.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "gateway/source/backoff.h"
#include "gateway/source/disk_log.h"
#include "gateway/source/source.h"
#include "gateway/source/troubles.h"

namespace sluice::source {

// The epoch of the file, which is made when it is missing. Throws std::runtime_error in one line.
[[nodiscard]] proto::Epoch disk_epoch(const config::Source& config, const proto::Epoch& candidate);

class PublishDisk final : public Source {
 public:
  explicit PublishDisk(Context&& context);

  void start(topic::TimePoint now) override;
  void stop() override;
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) override;

 private:
  void on_appended(const std::string& topic, const std::vector<topic::Event>& events, const DiskAppended& appended,
                   const std::function<void(topic::PublishResult)>& done);
  struct Read {
    topic::ReadRequest request;
    topic::ReadLimits limits;
    topic::ReadDone done;
  };
  void ask(const Read& read);
  void put_off(const Read& read);
  void on_read(const Read& read, DiskSequence after, std::optional<topic::GapReason> gap, const DiskPage& answer);
  [[nodiscard]] std::string position(DiskSequence sequence) const;

  Context context_;
  Troubles troubles_;
  Backoff backoff_;
  boost::asio::steady_timer retry_;
  std::vector<Read> put_off_;
  DiskLog disk_;
};

}  // namespace sluice::source
