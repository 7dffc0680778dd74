// PageReads: which streams of one worker wait for which page of a source's past, so that a source's home is asked once
// by each worker for each page, however many of its streams want it, or have wanted it and gone meanwhile. Owned by a
// Worker, on its thread. It never asks or answers: it says whom to.
// Invariant: a page is under way exactly while somebody is listed for it; those that have gone are at most half of the
// list, or a few.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/serve/services.h"
#include "gateway/topic/page.h"

namespace sluice::serve {

class PageReads {
 public:
  struct Asker {
    StreamAddress stream;
    std::size_t part = 0;
  };
  // Whether a stream is still there.
  using Alive = std::function<bool(StreamAddress)>;
  explicit PageReads(Alive alive) : alive_(std::move(alive)) {}

  // True: nobody waited for it, so that the home is to be asked.
  [[nodiscard]] bool add(topic::SourceIndex source, const topic::ReadRequest& request, Asker asker);
  // The page has come: those to be told, each once.
  [[nodiscard]] std::vector<Asker> take(topic::SourceIndex source, const topic::ReadRequest& request);
  [[nodiscard]] std::size_t asker_count() const;

 private:
  struct Waiting {
    std::vector<Asker> askers;
    std::size_t look_again = 64;  // at this count those that have gone are removed
  };
  const Alive alive_;
  std::unordered_map<std::string, Waiting> waiting_;
};

}  // namespace sluice::serve
