// What the terminal behind a descriptor can show: asked of the system and of the environment. Called before each
// redraw, so that a resized window counts at once.
#pragma once

#include "bench/text_style.h"

namespace sluice::bench {

[[nodiscard]] bool is_terminal(int descriptor);
// Colour only on a terminal, without $NO_COLOR (https://no-color.org) and unless $TERM is "dumb"; ASCII only where the
// locale says so; as wide as the window, 100 columns where there is none.
[[nodiscard]] TextStyle style_of(int descriptor);

}  // namespace sluice::bench
