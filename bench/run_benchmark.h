// The load benchmark: runs a plan against a server and says what it measured. Called by bench/command and by tests, on
// one thread, which becomes the run's main thread: it starts the crowd's threads and the publisher's, walks through the
// plan's phases, and puts together what they counted. Several runs in one process may follow one another.
// Invariant: what went wrong before anything was measured (no server, a certificate, a 404, a wrong content type, too
// few descriptors) is a std::runtime_error with one line; what went wrong later is in the outcome.
#pragma once

#include "bench/outcome.h"
#include "bench/plan.h"
#include "bench/progress.h"

namespace sluice::bench {

[[nodiscard]] Outcome run_benchmark(const Plan& plan, Watcher& watcher);

}  // namespace sluice::bench
