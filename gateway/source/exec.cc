#include "gateway/source/exec.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace sluice::source {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A program that writes nothing counts as up once it has run this long: one that cannot work ends sooner.
constexpr auto quiet_start = 1s;
// One that ran this long is not at fault: it starts again soon.
constexpr auto good_run = 10s;

}  // namespace

Exec::Exec(Context&& context)
    : name_(context.config.name),
      command_(context.config.command),
      io_(context.io),
      metrics_(context.metrics),
      feed_(context),
      log_(context.config.name, Clock::now()),
      backoff_(context.random()),
      timer_(context.io) {}

void Exec::start(topic::TimePoint) { launch(); }

void Exec::stop() {
  timer_.cancel();
  if (program_) program_->end();
  metrics_.set_state(observe::SourceState::stopped);
}

void Exec::pause() {
  paused_ = true;
  metrics_.paused.add();
  if (program_) program_->pause();
}

void Exec::go_on() {
  paused_ = false;
  if (program_) program_->go_on();
}

void Exec::launch() {
  launched_ = Clock::now();
  if (!std::exchange(first_, false)) metrics_.reconnects.add();
  ProgramVisitor& self = *this;
  program_ = std::make_unique<Program>(io_, self);
  if (paused_) program_->pause();
  if (const std::string why = program_->start(command_); !why.empty()) {
    lost_ = true;
    return launch_later(fmt::format("{} (source.{}.command; a name without `/` is looked for in PATH)", why, name_));
  }
  if (std::exchange(lost_, false)) feed_.lost(launched_);
  timer_.expires_after(quiet_start);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) metrics_.set_state(observe::SourceState::up);
  });
}

void Exec::launch_later(const std::string& what) {
  const Backoff::Duration wait = backoff_.next();
  metrics_.set_state(observe::SourceState::down,
                     fmt::format("{}; starts again in {:.1f} s", what, static_cast<double>(wait.count()) / 1000));
  timer_.expires_after(wait);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    program_.reset();
    launch();
  });
}

void Exec::on_output(std::string_view bytes) {
  if (metrics_.state() != observe::SourceState::up) {
    timer_.cancel();
    metrics_.set_state(observe::SourceState::up);
  }
  feed_.feed(bytes, Clock::now());
}

void Exec::on_error_output(std::string_view bytes) { log_.take(bytes, Clock::now()); }

void Exec::on_ended(const ExitStatus& status) {
  const auto now = Clock::now();
  log_.finish(now);
  const bool complete = feed_.finish(status.good(), now);
  if (!status.good() || !complete) lost_ = true;
  if (now - launched_ >= good_run) backoff_.reset();
  launch_later(fmt::format("`{}` ended with {}{}", command_.front(), status.text(),
                           status.good() ? "" : ", what it said on standard error is in the log"));
}

}  // namespace sluice::source
