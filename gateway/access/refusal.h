// Refusal: why access says no; serve turns it into a response with a JSON body that carries `error` and `detail`.
// A value; made by the rules of this folder, which ask nothing but the request and the configuration.
#pragma once

#include <string>
#include <vector>

#include "proto/http.h"

namespace sluice::access {

struct Refusal {
  int status = 403;
  std::string error;                 // for programs: "origin-not-allowed"
  std::string detail;                // for people: what to change, by its configuration key
  std::vector<proto::Field> fields;  // www-authenticate
};

}  // namespace sluice::access
