// CommandSink: hands events to a command of the user's, which runs as long as the run and publishes them wherever it
// likes: one line "<topic number> <payload>" for each event on its standard input. A line counts as published when the
// pipe has taken it. Owned by the Publisher, on its loop. Invariant: see publish_sink.h.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <string>

#include "bench/plan.h"
#include "bench/publish_sink.h"
#include "bench/shell_command.h"

namespace sluice::bench {

class CommandSink final : public PublishSink {
 public:
  CommandSink(boost::asio::io_context& loop, const Publishing& publishing, PublishVisitor& visitor);

  void send(const Batch& batch) override;
  void close() override;
  [[nodiscard]] bool closed() override;

 private:
  void write();
  void settle(const std::string& failure);

  const Publishing& publishing_;
  PublishVisitor& visitor_;
  ShellCommand command_;
  boost::asio::posix::stream_descriptor pipe_;
  std::string waiting_, writing_;  // lines
  std::deque<Batch> waiting_batches_, writing_batches_;
  std::string failure_;
};

}  // namespace sluice::bench
