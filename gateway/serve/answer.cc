#include "gateway/serve/answer.h"

#include <utility>

#include "proto/json.h"

namespace sluice::serve {

std::string to_json(const Problem& problem) {
  std::string out;
  const auto member = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? '{' : ',';
    proto::append_json_string(out, name);
    out += ':';
    proto::append_json_string(out, value);
  };
  member("error", problem.error);
  member("detail", problem.detail);
  if (!problem.where.empty()) member("where", problem.where);
  if (!problem.pointer.empty()) member("pointer", problem.pointer);
  out += "}\n";
  return out;
}

Answer make_answer(int status, std::string_view content_type, std::string body) {
  auto owned = std::make_shared<const std::string>(std::move(body));
  Answer answer;
  answer.head.status = status;
  answer.head.fields = {{"content-type", std::string(content_type)},
                        {"content-length", std::to_string(owned->size())},
                        {"cache-control", "no-store"},
                        {"x-content-type-options", "nosniff"}};
  answer.bytes = *owned;
  answer.owner = std::move(owned);
  return answer;
}

Answer to_answer(const Problem& problem) {
  Answer answer = make_answer(problem.status, "application/json", to_json(problem));
  for (const proto::Field& field : problem.fields) answer.head.fields.push_back(field);
  return answer;
}

}  // namespace sluice::serve
