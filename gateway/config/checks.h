// What only the whole configuration can show: a route whose source is missing, two routes for one path, a range upside
// down, an adapter that is not built in. Called by load() once every key is read.
#pragma once

#include <string_view>
#include <vector>

#include "gateway/config/draft.h"

namespace sluice::config {

// Adds a problem for each, and reads access.publish_secret_file.
void check_draft(Draft& draft);

}  // namespace sluice::config
