// The scenarios of a run, each a walk through the phases of a Run. Called by run_benchmark for the plan's scenario.
// Invariant: when one returns, everything that it wanted measured is in the run's outcome, but for what Run::finish()
// counts. Each ends early, in good order, when the run is stopping.
#pragma once

#include "bench/run_state.h"

namespace sluice::bench {

void run_steady(Run& run);
void run_listening(Run& run);  // steady, with events of others that are counted
void run_idle(Run& run);
void run_handshakes(Run& run);
void run_storm(Run& run);  // and drain
void run_slow_reader(Run& run);
void run_ramp(Run& run);

}  // namespace sluice::bench
