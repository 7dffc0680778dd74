#include "gateway/topic/page.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace sluice::topic {

PagePtr newest_of(const PagePtr& page) {
  std::unordered_set<std::string_view> seen;
  std::vector<EntryPtr> entries;
  for (auto entry = page->entries.rbegin(); entry != page->entries.rend(); ++entry)
    if (!(*entry)->has_key() || seen.insert((*entry)->key()).second) entries.push_back(*entry);
  if (entries.size() == page->entries.size()) return page;
  std::ranges::reverse(entries);
  return std::make_shared<const Page>(Page{.after = page->after,
                                           .from = page->from,
                                           .through = page->through,
                                           .entries = std::move(entries),
                                           .gap = page->gap,
                                           .at_end = page->at_end,
                                           .appended = page->appended});
}

}  // namespace sluice::topic
