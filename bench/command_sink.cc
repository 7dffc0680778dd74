#include "bench/command_sink.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "bench/payload.h"

namespace sluice::bench {
namespace asio = boost::asio;

CommandSink::CommandSink(asio::io_context& loop, const Publishing& publishing, PublishVisitor& visitor)
    : publishing_(publishing),
      visitor_(visitor),
      command_(publishing.command, ShellCommand::Input::pipe),
      pipe_(loop, command_.take_input()) {}

void CommandSink::send(const Batch& batch) {
  for (std::uint64_t sequence = batch.sequences.from; sequence < batch.sequences.to; ++sequence) {
    waiting_ += std::to_string(batch.topic);
    waiting_ += ' ';
    waiting_ += make_payload({sequence, batch.scheduled}, publishing_.payload_bytes);
    waiting_ += '\n';
  }
  waiting_batches_.push_back(batch);
  if (writing_batches_.empty()) write();
}

void CommandSink::write() {
  std::swap(waiting_, writing_);
  std::swap(waiting_batches_, writing_batches_);
  if (!pipe_.is_open()) {
    asio::post(pipe_.get_executor(), [this] { settle(failure_.empty() ? "the publish command has ended" : failure_); });
    return;
  }
  asio::async_write(pipe_, asio::buffer(writing_), [this](const boost::system::error_code& error, std::size_t) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      failure_ =
          "the publish command takes no more events (" + (command_.ended() ? command_.how() : error.message()) + ')';
      boost::system::error_code ignored;
      pipe_.close(ignored);
    }
    settle(failure_);
  });
}

void CommandSink::settle(const std::string& failure) {
  writing_.clear();
  const auto written = std::exchange(writing_batches_, {});
  for (const Batch& batch : written) visitor_.on_published(batch, failure);
  if (!waiting_batches_.empty() && writing_batches_.empty()) write();
}

// The end of its input is how the command learns that this is all.
void CommandSink::close() {
  boost::system::error_code ignored;
  pipe_.close(ignored);
}

bool CommandSink::closed() { return !pipe_.is_open() && command_.ended(); }

}  // namespace sluice::bench
