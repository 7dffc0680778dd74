// Questions: which streams of one worker wait for which answer of a source's home (a page of its past, or that a topic
// is open), so that a home is asked once by each worker, however many of its streams want to know, or have wanted to
// and gone meanwhile. Owned by a Worker, on its thread. It never asks or answers: it says whom to.
// Invariant: an answer is under way exactly while somebody is listed for it; those that have gone are at most half of
// the list, or a few.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gateway/serve/services.h"

namespace sluice::serve {

struct Question {
  topic::SourceIndex source = 0;
  std::string what;  // the page that is to be read (topic::ReadRequest::key()), or the topic that is to be opened
  friend auto operator<=>(const Question&, const Question&) = default;
};

class Questions {
 public:
  struct Asker {
    StreamAddress stream;
    std::size_t part = 0;
  };
  // Whether a stream is still there.
  using Alive = std::function<bool(StreamAddress)>;
  explicit Questions(Alive alive) : alive_(std::move(alive)) {}

  // True: nobody waited for it, so that the home is to be asked.
  [[nodiscard]] bool add(const Question& question, Asker asker);
  // The answer has come: those to be told, each once.
  [[nodiscard]] std::vector<Asker> take(const Question& question);
  // Forgets those for which everybody has gone, and returns them: their answers are nobody's.
  [[nodiscard]] std::vector<Question> drop_unwanted();
  [[nodiscard]] std::size_t asker_count() const;

 private:
  struct Waiting {
    std::vector<Asker> askers;
    std::size_t look_again = 64;  // at this count those that have gone are removed
  };
  const Alive alive_;
  std::map<Question, Waiting> waiting_;
};

}  // namespace sluice::serve
