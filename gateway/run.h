// `sluice run`: the wiring, in flow order. Called once by main, before any thread.
#pragma once

#include "gateway/config/config.h"

namespace sluice {

// Serves until the drain is over. Throws what prevents the start, as one line with its place.
void run_gateway(const config::Config& config);

}  // namespace sluice
