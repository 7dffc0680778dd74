// `sluice run`: the wiring, in flow order. Called once by main, before any thread.
#pragma once

#include "gateway/config/config.h"

namespace sluice {

// Serves until the drain is over; returns the exit code. Throws what prevents the start, as one line with its place.
int run_gateway(const config::Config& config);

}  // namespace sluice
